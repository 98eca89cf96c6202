"""Merchants from a spreadsheet: looked at first, then imported whole or not at all.

A long job, for a file may have fifty thousand rows. It reads the file, checks it in steps, and
with not a single problem writes all merchants in one transaction: nothing is ever half-applied. A
dry run ends before that. WeChat is not asked about each number (it would take hours): they are
shown as not checked yet until the next look at their health.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import insert, select, text
from sqlalchemy.orm import Session

from errors import NotFound
from models.merchant import GrantState, Merchant, MerchantFile, MerchantSource, SubProvider
from services import audit, longjobs
from services.accounts import seal_place
from services.deps import Deps
from services.longjobs import Job, Row, Step, StepFailed, Words
from services.longjobs.kinds import Write
from services.merchants import forms, sheet
from services.merchants.adding import lock_provider
from services.merchants.prefixes import draw
from services.merchants.problems import FileRefused
from services.numbers import new_public_id
from services.onboarding.checks import facts_of, letters

KIND: Final = "merchants_file"
BATCH: Final = 5000  # rows checked in one step
CHUNK: Final = 2000  # rows of one statement
MOST_TOLD: Final = 1000  # problems in the report: a file with more is wrong as a whole
longjobs.tells(
    KIND,
    Words(
        title="导入商户", outcomes={"fine": "没有问题", "created": "新增", "failed": "有问题"},
        back="/console/merchants/file", back_label="导入商户",
    ),
)  # fmt: skip


def upload(deps: Deps, provider_id: int, content: bytes, *, actor: str) -> int:
    """Keep the file and start its dry run; the job. Raises FileRefused for what is none at all."""
    if len(content) > sheet.MOST_BYTES:
        raise FileRefused(f"文件大于 {sheet.MOST_BYTES >> 20} MB")
    if not content.startswith(b"PK"):
        raise FileRefused("不是 .xlsx 文件")

    def unit(session: Session) -> int:
        row = MerchantFile(
            provider_id=provider_id, public_id=new_public_id(), content=content,
            created_at=deps.now(),
        )  # fmt: skip
        session.add(row)
        session.flush()
        return _start(session, deps, row, is_dry=True, actor=actor)

    return deps.transact(unit)


def apply(deps: Deps, provider_id: int, public_id: str, *, actor: str) -> int:
    """Import a file whose dry run was clean; the job. Raises NotFound, FileRefused."""

    def unit(session: Session) -> int:
        row = find(session, provider_id, public_id, lock=True)
        if row.imported_at is not None:
            raise FileRefused("这个文件已经导入过")
        if not row.is_clean:
            raise FileRefused("这个文件还有问题，改好后重新上传")
        return _start(session, deps, row, is_dry=False, actor=actor)

    return deps.transact(unit)


def _start(session: Session, deps: Deps, row: MerchantFile, *, is_dry: bool, actor: str) -> int:
    facts = {"file": row.id, "public_id": row.public_id, "is_dry": is_dry}
    return longjobs.start(
        session, provider_id=row.provider_id, kind=KIND, facts=facts, asked_by=actor,
        now=deps.now(), total=row.rows,
    )  # fmt: skip


def find(session: Session, provider_id: int, public_id: str, *, lock: bool = False) -> MerchantFile:
    wanted = select(MerchantFile).where(
        MerchantFile.provider_id == provider_id, MerchantFile.public_id == public_id
    )
    found = session.scalar(wanted.with_for_update() if lock else wanted)
    if found is None:
        raise NotFound(f"no file {public_id}")
    return found


@longjobs.handles(KIND)
def step(deps: Deps, job: Job) -> Write:
    """Read, then check, then write: which of them says the cursor."""
    content, is_read = deps.transact(lambda s: _content(s, job))
    if not is_read:
        try:
            rows = sheet.read(content)
        except FileRefused as problem:
            raise StepFailed(str(problem)) from problem
        return lambda session: _keep(session, job, rows)
    rows = sheet.unpack(content)
    at = int(job.cursor.get("at", 0))
    if at < len(rows):
        return lambda session: _check(session, job, rows, at)
    return lambda session: _write_all(session, deps, job, rows)


def _content(session: Session, job: Job) -> tuple[bytes, bool]:
    row = session.get(MerchantFile, (job.provider_id, job.facts["file"]))
    if row is None:
        raise StepFailed("文件已过期，请重新上传")
    return row.content, row.rows is not None


def _keep(session: Session, job: Job, rows: list[sheet.Cells]) -> Step:
    """The file as rows: it is read by the slow library once."""
    row = session.get_one(MerchantFile, (job.provider_id, job.facts["file"]))
    row.content, row.rows = sheet.pack(rows), len(rows)
    return Step(cursor={"at": 0}, done=0, total=len(rows))


def _check(session: Session, job: Job, rows: list[sheet.Cells], at: int) -> Step:
    part = rows[at : at + BATCH]
    known = _Known(session, job.provider_id, rows, part)
    problems: list[Row] = []
    for cells in part:
        try:
            _judged(cells, known)
        except ValueError as problem:
            name = "" if str(cells[1]).startswith("\x00") else str(cells[1])
            problems.append(Row(int(cells[0]), name, "failed", str(problem)))
    failed = int(job.counts.get("failed", 0)) + len(problems)
    over = at + len(part) >= len(rows)
    is_dry = bool(job.facts["is_dry"])
    if over:
        row = session.get_one(MerchantFile, (job.provider_id, job.facts["file"]))
        row.is_clean = not failed
    told = problems[: max(0, MOST_TOLD - int(job.counts.get("failed", 0)))]
    fine = len(part) - len(problems)
    return Step(
        cursor={"at": at + len(part)}, done=len(part), rows=told,
        counts={k: n for k, n in (("fine", fine), ("failed", len(problems))) if n},
        is_over=over and (is_dry or failed > 0),
    )  # fmt: skip


class _Known:
    """What rows are held against: each other, and what the provider has already."""

    def __init__(
        self, session: Session, provider_id: int, rows: list[sheet.Cells], part: list[sheet.Cells]
    ) -> None:
        place = 1 + list(sheet.COLUMNS.values()).index("wechat_sub_mchid")
        numbers = [_digits(str(cells[place])) for cells in rows]
        self.seen = Counter(number for number in numbers if number)
        self.first: dict[str, int] = {}
        for cells, number in zip(rows, numbers, strict=True):
            self.first.setdefault(number, int(cells[0]))
        wanted = [_digits(str(cells[place])) for cells in part]
        self.taken = _taken(session, provider_id, [number for number in wanted if number])
        channels = session.scalars(
            select(SubProvider).where(SubProvider.provider_id == provider_id)
        )
        self.sub_providers = {one.name: one.id for one in channels}
        provider = lock_provider(session, provider_id)
        self.own = facts_of(session, provider, "wechat").get("sp_mchid")


def _taken(session: Session, provider_id: int, numbers: Sequence[str]) -> dict[str, str]:
    """Of these sub-merchant numbers those that are here, and at what."""
    rows = session.execute(
        text(
            "SELECT wechat_sub_mchid AS number, name FROM merchant WHERE provider_id = :p"
            " AND wechat_sub_mchid = ANY(:n) AND deleted_at IS NULL"
            " UNION ALL SELECT wechat_sub_mchid, name FROM store WHERE provider_id = :p"
            " AND wechat_sub_mchid = ANY(:n) AND deleted_at IS NULL"
            " UNION ALL SELECT card_sub_mchid, title FROM card_program WHERE provider_id = :p"
            " AND card_sub_mchid = ANY(:n) AND status <> 'deleted'"
        ),
        {"p": provider_id, "n": list(numbers)},
    )
    return {row.number: row.name for row in rows}


def _digits(said: str) -> str:
    number, problem = forms.sub_mchid(said)
    return "" if problem is not None else number


def _judged(cells: sheet.Cells, known: _Known) -> dict[str, Any]:
    """The columns of a merchant; ValueError with the reason, in words for whoever made the file."""
    said = dict(zip(sheet.COLUMNS.values(), (str(cell) for cell in cells[1:]), strict=True))
    if sheet.FORMULA in said.values():
        raise ValueError("含有公式，请粘贴为数值")
    if sheet.WRONG in said.values():
        raise ValueError("单元格有错误值")
    typed = forms.read(said)
    for fault in typed.faults.values():
        raise ValueError(str(fault))
    number, problem = forms.sub_mchid(said["wechat_sub_mchid"])
    if problem is not None:
        raise ValueError(str(problem))
    _refuse_number(number, int(cells[0]), known)
    sub_provider = said["sub_provider"]
    if sub_provider and sub_provider not in known.sub_providers:
        raise ValueError(f"没有子服务商「{sub_provider}」")
    return {
        **typed.values, "wechat_sub_mchid": number or None,
        "sub_provider_id": known.sub_providers.get(sub_provider),
    }  # fmt: skip


def _refuse_number(number: str, row: int, known: _Known) -> None:
    if not number:
        return
    if known.seen[number] > 1 and known.first[number] != row:
        raise ValueError(f"微信子商户号与第 {known.first[number]} 行重复")
    if number in known.taken:
        raise ValueError(f"子商户已存在：{known.taken[number]}")
    if number == known.own:
        raise ValueError("这是服务商自己的商户号，商户的钱不能进服务商的账户")


def _write_all(session: Session, deps: Deps, job: Job, rows: list[sheet.Cells]) -> Step:
    """All of them in this transaction, judged once more under the provider's lock."""
    provider = lock_provider(session, job.provider_id)
    kept = session.get_one(
        MerchantFile, (job.provider_id, job.facts["file"]), with_for_update=True,
        populate_existing=True,
    )  # fmt: skip
    if kept.imported_at is not None:  # by a worker that was thought dead and was only slow
        return Step(cursor=job.cursor, done=0, is_over=True)
    known = _Known(session, job.provider_id, rows, rows)
    try:
        columns = [_judged(cells, known) for cells in rows]
    except ValueError as problem:
        raise StepFailed(f"检查之后有变化，没有导入：{problem}") from problem
    now = deps.now()
    prefixes = draw(session, len(columns))
    for at in range(0, len(columns), CHUNK):
        session.execute(
            insert(Merchant),
            [
                _columns(deps, provider.id, one, prefix, now)
                for one, prefix in zip(
                    columns[at : at + CHUNK], prefixes[at : at + CHUNK], strict=True
                )
            ],
        )
    kept.imported_at, kept.content = now, b""
    audit.record(
        session, provider_id=provider.id, actor=job.asked_by, action="merchants_imported",
        subject=f"job:{job.id}", at=now, rows=len(columns),
    )  # fmt: skip
    return Step(cursor={"at": len(rows)}, done=0, counts={"created": len(columns)}, is_over=True)


def _columns(
    deps: Deps, provider_id: int, one: Mapping[str, Any], prefix: str, now: datetime
) -> dict[str, Any]:
    mark, key = secrets.token_hex(16), secrets.token_hex(16)
    return {
        **one, "provider_id": provider_id, "out_sub_mch_id": "sub" + letters(17),
        "order_prefix": prefix, "alipay_state": GrantState.NONE, "seal_key": mark,
        "authen_key_sealed": deps.ring.seal(
            key, seal_place("merchant", "authen_key_sealed", mark)
        ),
        "source": MerchantSource.FILE, "needs_setup": True, "created_at": now,
    }  # fmt: skip
