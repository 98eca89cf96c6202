"""Many merchants at once: a spreadsheet taken over whole or not at all, and moves."""

from __future__ import annotations

import io
import re
import zipfile
from typing import Any

from openpyxl import Workbook, load_workbook

from services.merchants import importing
from tests.harness.console import Console
from tests.harness.phone import words
from tests.harness.product import Product

HEAD = ("商户全称", "商户简称", "微信子商户号", "管理员邮箱", "返佣比例", "子服务商")
ROWS = 3000


def book(rows: list[tuple[Any, ...]], head: tuple[str, ...] = HEAD) -> bytes:
    made = Workbook(write_only=True)
    sheet = made.create_sheet()
    sheet.append(list(head))
    for row in rows:
        sheet.append(list(row))
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def good(count: int) -> list[tuple[Any, ...]]:
    return [
        (f"第{n}家", "", 1700000000 + n, f"a{n}@example.com", 0.2, "") for n in range(1, count + 1)
    ]


def send(desk: Console, content: bytes) -> Any:
    form = {"token": desk.token()}
    url = f"{desk.product.url}/console/merchants/file"
    files = {"file": ("m.xlsx", content)}
    return desk.http.post(url, data=form, files=files, timeout=60, allow_redirects=False)


def count(product: Product) -> int:
    return int(product.one("SELECT count(*) AS n FROM merchant WHERE source = 'file'").n)


def report(product: Product) -> list[tuple[int, str]]:
    rows = product.sql(
        "SELECT number, reason FROM long_job_row WHERE job_id = (SELECT max(id) FROM long_job)"
        " ORDER BY number"
    )
    return [(row.number, row.reason) for row in rows]


def state(product: Product) -> Any:
    return product.one("SELECT * FROM long_job ORDER BY id DESC LIMIT 1")


def test_a_file_with_three_bad_rows_imports_nothing_and_names_them(
    product: Product, monkeypatch: Any
) -> None:
    monkeypatch.setattr(importing, "BATCH", 700)  # several steps
    desk = Console(product, "demo-operator")
    rows = good(ROWS)
    bad = list(rows)
    bad[6] = ("", "", 1700000007, "", "", "")
    bad[1500] = ("重号", "", 1700000001, "", "", "")
    bad[2998] = ("公式", "", "=1+1", "", "", "")
    answer = send(desk, book(bad))
    assert answer.status_code == 303, words(answer.text)
    product.run_long_jobs()
    told = report(product)
    assert [number for number, _ in told] == [8, 1502, 3000]
    assert "填写商户全称" in told[0][1]
    assert "第 2 行重复" in told[1][1]
    assert "公式" in told[2][1]
    assert count(product) == 0
    page = desk.get("/merchants/file").text
    assert "3 行有问题" in page
    assert "导入 3,000 家" not in page
    kept = product.one("SELECT public_id FROM merchant_file").public_id
    forced = desk.post("/merchants/file/apply", {"file": kept})
    assert (forced.status_code, "MERCHANT_FILE" in forced.text) == (422, True)

    assert send(desk, book(rows)).status_code == 303
    product.run_long_jobs()
    assert state(product).counts == {"fine": ROWS}
    assert count(product) == 0, "a dry run writes nothing"
    found = re.search(r'name="file" value="(\w+)"', desk.get("/merchants/file").text)
    assert found
    # somebody adds one of them between the dry run and the import: nothing at all is written
    product.do("UPDATE merchant SET wechat_sub_mchid = '1700002000' WHERE name = '晨光早点'")
    desk.post("/merchants/file/apply", {"file": found[1]})
    product.run_long_jobs()
    assert (count(product), state(product).state) == (0, "partial")
    product.do("UPDATE merchant SET wechat_sub_mchid = '1900000133' WHERE name = '晨光早点'")
    assert send(desk, book(rows)).status_code == 303
    product.run_long_jobs()
    found = re.search(r'name="file" value="(\w+)"', desk.get("/merchants/file").text)
    assert found
    assert desk.post("/merchants/file/apply", {"file": found[1]}).status_code == 303
    product.run_long_jobs()
    assert count(product) == ROWS
    clash = product.one(
        "SELECT count(*) AS n FROM merchant a JOIN merchant b ON a.id <> b.id"
        " AND left(b.order_prefix, length(a.order_prefix)) = a.order_prefix"
    )
    assert clash.n == 0
    one = product.one("SELECT * FROM merchant WHERE name = '第7家'")
    assert (one.wechat_sub_mchid, one.rebate_bp, one.needs_setup) == ("1700000007", 20, True)
    again = desk.post("/merchants/file/apply", {"file": found[1]})
    assert "已经导入过" in again.text
    assert not product.sql("SELECT 1 FROM merchant_file WHERE imported_at IS NOT NULL"
                           " AND length(content) > 0")  # fmt: skip
    assert "还没向微信核对" in desk.get("/merchants?source=file").text


def test_what_is_no_spreadsheet_is_refused_with_its_reason(product: Product) -> None:
    desk = Console(product, "demo-operator")
    for content, said in (
        (b"not a file", "不是 .xlsx 文件"),
        (b"", "先选择一个"),
    ):
        answer = send(desk, content) if content else desk.post("/merchants/file", {})
        assert (answer.status_code, said in answer.text) == (422, True), said
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"\0" * (600 << 20))
    for content, said in (
        (bomb.getvalue(), "解压后过大"),
        (book([("x",)], head=("名字",)), "缺少「商户全称」列"),
        (book([]), "文件里没有商户"),
        (b"PK\x03\x04broken", "不是 .xlsx 文件"),
    ):
        assert send(desk, content).status_code == 303
        product.run_long_jobs()
        assert state(product).state == "failed"
        assert said in state(product).error
    template = desk.get("/merchants/file/template")
    heads = [cell.value for cell in next(load_workbook(io.BytesIO(template.content)).active.rows)]
    assert heads[0] == "商户全称"
    assert Console(product, "demo-viewer").get("/merchants/file").status_code == 403


def test_merchants_move_to_another_sub_provider_as_a_job(
    product: Product, monkeypatch: Any
) -> None:
    desk = Console(product, "demo-operator")
    assert desk.post("/sub-providers", {"name": "城东渠道"}).status_code == 303
    twice = desk.post("/sub-providers", {"name": "城东渠道"})
    assert (twice.status_code, "已有子服务商" in twice.text) == (422, True)
    to = product.one("SELECT id, version FROM sub_provider WHERE name = '城东渠道'")
    edit = {"name": "城东", "remark": "甲", "version": str(to.version)}
    assert desk.post(f"/sub-providers/{to.id}", edit).status_code == 303
    late = desk.post(f"/sub-providers/{to.id}", {**edit, "remark": "乙"})
    assert (late.status_code, "MERCHANT_CHANGED" in late.text) == (422, True)
    assert 'value="乙"' in late.text
    named = "sub01QINGHE8H2K4M6P9\nsub51BIEJIA1A2B3C4D5 sub04WEIXINONLY7G8H2"
    moved = desk.post("/sub-providers/move", {"to": str(to.id), "merchants": named})
    assert moved.status_code == 303, words(moved.text)
    product.run_long_jobs()
    assert state(product).counts == {"moved": 2}
    mine = "SELECT name FROM merchant WHERE sub_provider_id = :s ORDER BY id"
    assert [row.name for row in product.sql(mine, s=to.id)] == ["青禾茶事", "晨光早点"]
    listed = desk.get(f"/merchants?sub={to.id}").text
    assert "青禾茶事" in listed
    assert "南窗面馆" not in listed
    back = desk.post("/sub-providers/move", {"all_of": str(to.id), "to": ""})
    assert back.status_code == 303
    product.run_long_jobs()
    assert product.sql(mine, s=to.id) == []
    nobody = desk.post("/sub-providers/move", {"merchants": "sub51BIEJIA1A2B3C4D5"})
    assert nobody.status_code == 422


def test_stores_are_grouped_and_a_group_of_another_merchant_is_none(product: Product) -> None:
    desk, own = Console(product, "demo-operator"), "/merchants/sub01QINGHE8H2K4M6P9"
    made = desk.post(f"{own}/stores", {"name": "青禾茶事", "branch_name": "城北店"})
    assert made.status_code == 303
    shop = made.headers["Location"].rpartition("/")[2]
    assert product.one(
        "SELECT count(*) AS n FROM pay_code c JOIN store s ON s.id = c.store_id"
        " WHERE s.out_shop_id = :s", s=shop,
    ).n == 1  # fmt: skip
    assert desk.post(f"{own}/groups", {"group": "湖区"}).status_code == 303
    assert desk.post(f"{own}/groups", {"group": "湖区"}).status_code == 422
    group = product.one("SELECT id FROM store_group").id
    assert desk.post(f"{own}/stores/{shop}", {"group": str(group)}).status_code == 303
    assert "湖区" in desk.get(f"{own}/stores").text
    other = "/merchants/sub02NANCHUANG5T7W2Y/stores/nanchuang"
    assert desk.post(other, {"group": str(group)}).status_code == 422
    assert desk.post(f"{own}/groups/remove", {"group": str(group)}).status_code == 303
    row = product.one("SELECT store_group_id AS g FROM store WHERE out_shop_id = :s", s=shop)
    assert row.g is None
