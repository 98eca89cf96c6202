"""Blank codes are made once, printed fifty to a package, and read back from what is printed."""

from __future__ import annotations

import csv
import io
import zipfile

import pypdfium2
import pytest
import zxingcpp
from PIL import Image
from sqlalchemy.orm import Session

from services import longjobs
from services.blank_codes import making
from services.seed import MAIN
from tests.harness.console import Console
from tests.harness.product import Product


def read(image: Image.Image) -> list[str]:
    return [found.text for found in zxingcpp.read_barcodes(image.convert("RGB"))]


def printed(product: Product, number: int) -> list[str]:
    rows = product.sql(
        "SELECT c.code FROM pay_code c JOIN code_batch b ON b.provider_id = c.provider_id"
        " AND b.id = c.batch_id WHERE b.number = :n ORDER BY c.batch_place",
        n=number,
    )
    return [f"{product.url}/q/{MAIN}/{row.code}" for row in rows]


def test_a_package_is_printed_as_pdf_pictures_and_list_and_every_code_reads(
    product: Product,
) -> None:
    desk = Console(product, "demo-operator")
    made = desk.post("/codes/batches", {"packages": "2", "note": "第一季"})
    assert made.status_code == 303
    own = made.headers["Location"].removeprefix("/console")
    links = printed(product, 1)
    assert len(set(links)) == 100
    answer = desk.get(f"{own}/2.pdf")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="codes-1-2.pdf"'
    document = pypdfium2.PdfDocument(answer.content)
    assert len(document) == 6
    assert document[0].get_size() == pytest.approx((595.28, 841.89), abs=0.02)  # A4
    found = [text for page in document for text in read(page.render(scale=2).to_pil())]
    assert sorted(found) == sorted(links[50:])
    archive = zipfile.ZipFile(io.BytesIO(desk.get(f"{own}/1.zip").content))
    assert archive.testzip() is None
    pictures = [Image.open(io.BytesIO(archive.read(name))) for name in archive.namelist()]
    assert [text for one in pictures[::7] for text in read(one)] == links[:50:7]
    assert {one.size for one in pictures} == {(709, 969)}
    listed = list(csv.reader(io.StringIO(desk.get(f"{own}/list.csv").content.decode("utf-8-sig"))))
    assert [row[5] for row in listed[1:]] == links
    assert {row[6] for row in listed[1:]} == {"未绑定"}
    assert "第一季" in desk.get("/codes").text
    audited = product.one("SELECT facts FROM audit_entry WHERE action = 'code_batch_made'").facts
    assert (audited["number"], audited["packages"]) == (1, 2)


def test_many_packages_are_made_by_a_job_that_makes_none_twice(
    product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Console(product)
    answer = desk.post("/codes/batches", {"packages": "11"})
    job = answer.headers["Location"]
    assert job.startswith("/console/jobs/")
    batch = product.one("SELECT public_id, made FROM code_batch")
    assert batch.made == 0
    early = desk.get(f"/codes/{batch.public_id}/1.pdf")
    assert (early.status_code, "BATCH_NOT_READY" in early.text) == (409, True)
    made, real = [], making.make

    def twice(session: Session, *more: object) -> int:
        """A transaction that is run again, as after a serialization failure."""
        made.append(1)
        if len(made) == 1:
            with session.begin_nested() as tried:
                real(session, *more)  # type: ignore[arg-type]
                tried.rollback()
            session.expire_all()
        return real(session, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(making, "make", twice)
    product.run_long_jobs()
    row = product.one("SELECT made FROM code_batch")
    rows = product.sql("SELECT batch_place, code FROM pay_code WHERE batch_id IS NOT NULL")
    assert row.made == len(rows) == 550
    assert sorted(one.batch_place for one in rows) == list(range(1, 551))
    routed = product.one(
        "SELECT count(*) AS n FROM route r JOIN pay_code c ON c.code = r.code"
        " WHERE r.kind = 'code' AND r.external_id = c.code AND c.batch_id IS NOT NULL"
    )
    assert routed.n == 550
    page = desk.get(job.removeprefix("/console")).text
    assert "生成空码" in page
    state = product.deps.transact(lambda s: longjobs.newest(s, 1, making.KIND))[0].state
    assert state == "done"


def test_a_blank_code_of_a_batch_is_bound_in_the_shop_and_counted(product: Product) -> None:
    desk = Console(product)
    own = desk.post("/codes/batches", {"packages": "1"}).headers["Location"]
    code = product.sql("SELECT code FROM pay_code WHERE batch_place = 1")[0].code
    store = product.one("SELECT id, merchant_id FROM store WHERE out_shop_id = 'qinghe-hubin'")
    product.do(
        "UPDATE pay_code SET kind = 'store', store_id = :s, merchant_id = :m, bound_at = now()"
        " WHERE code = :c",
        s=store.id, m=store.merchant_id, c=code,
    )  # fmt: skip
    assert "1 / 50" in desk.get(own.removeprefix("/console")).text
    listed = desk.get(f"{own.removeprefix('/console')}/list.csv").content.decode("utf-8-sig")
    assert listed.count("已绑定") == 1


def test_a_wrong_order_comes_back_with_what_was_typed(product: Product) -> None:
    desk = Console(product)
    for form, words in (
        ({"packages": "0"}, "1 到 100 包"),
        ({"packages": "101"}, "1 到 100 包"),
        ({"packages": "２"}, "1 到 100 的整数"),
        ({"packages": "1.5"}, "1 到 100 的整数"),
        ({"packages": "1", "note": "很" * 41}, "最多 40 个字"),
    ):
        answer = desk.post("/codes/batches", form)
        assert answer.status_code == 422
        assert words in answer.text
        assert 'href="/help/pay-codes"' in answer.text
        assert f'value="{form["packages"]}"' in answer.text
    assert product.sql("SELECT 1 FROM code_batch") == []


def test_who_may_only_look_makes_none_and_takes_none(product: Product) -> None:
    own = Console(product).post("/codes/batches", {"packages": "1"}).headers["Location"]
    desk = Console(product, "demo-viewer")
    assert desk.post("/codes/batches", {"packages": "1"}).status_code == 403
    page = desk.get(own.removeprefix("/console"))
    assert (page.status_code, ".pdf" in page.text) == (200, False)
    assert desk.get(f"{own.removeprefix('/console')}/1.pdf").status_code == 403
