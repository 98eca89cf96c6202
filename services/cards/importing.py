"""Taking over an older system's members: the whole file or nothing of it.

A dry run and the run itself make the same checks; the run makes them under the merchant's lock and
writes all in one transaction, so that nothing is ever half-applied. What is taken over is owed at
once and counts against the cap; its members appear when they show that the phone is theirs
(`joining.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from gateways.money import yuan_from_fen
from models.card import CardProgram, Member, ProgramStatus
from models.membership import ImportBatch
from services import audit
from services.cards import people
from services.cards.caps import card_cap
from services.cards.member_file import Row, RowProblem, Sheet, read
from services.cards.member_problems import ImportRefused, NotOffered
from services.cards.members import free_numbers
from services.cards.problems import TotalCap
from services.cards.programs import live_program
from services.cards.room import Room, change, lock_room, read_room
from services.deps import Deps
from services.numbers import new_public_id

CHUNK = 2_000


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What a file holds, what it would do or has done. `batch_id` is None where nothing was."""

    rows: int
    sum_fen: int
    room_left_fen: int  # before
    problems: tuple[RowProblem, ...] = ()
    batch_id: int | None = None

    @property
    def is_clean(self) -> bool:
        return not self.problems


def dry_run(deps: Deps, provider_id: int, merchant_id: int, path: Path) -> ImportReport:
    """What importing this file would do now. Raises ImportRefused, NotOffered."""
    sheet = read(path)

    def unit(session: Session) -> ImportReport:
        room = read_room(session, provider_id, merchant_id)
        _program(session, provider_id, merchant_id)
        if room is None:
            raise NotOffered()
        return _judge(session, deps, provider_id, merchant_id, sheet, room)

    return deps.transact(unit)


def run(deps: Deps, provider_id: int, merchant_id: int, path: Path, *, actor: str) -> ImportReport:
    """Take the file over, whole; with any problem nothing, and the report names the rows.

    The same file again is a problem of its own. Raises ImportRefused, NotOffered.
    """
    sheet = read(path)

    def unit(session: Session) -> ImportReport:
        locked = lock_room(session, provider_id, merchant_id)  # from here on nobody fills the room
        room = Room(locked.cap_fen, locked.balance_fen, locked.held_fen)
        program = _program(session, provider_id, merchant_id)
        report = _judge(session, deps, provider_id, merchant_id, sheet, room)
        if not report.is_clean:
            return report
        try:
            change(locked, sheet.sum_fen, 0)
        except TotalCap as problem:
            raise ImportRefused(str(problem)) from problem
        batch = ImportBatch(
            provider_id=provider_id,
            merchant_id=merchant_id,
            file_hash=sheet.file_hash,
            rows=len(sheet.rows),
            sum_fen=sheet.sum_fen,
            actor=actor,
            created_at=deps.now(),
        )
        session.add(batch)
        session.flush()
        for rows in _chunks(sheet.rows):
            _write(session, deps, program, batch, rows)
        audit.record(
            session,
            provider_id=provider_id,
            actor=actor,
            action="members_imported",
            subject=f"merchant:{merchant_id}",
            at=deps.now(),
            batch=batch.id,
            rows=len(sheet.rows),
            sum_fen=sheet.sum_fen,
        )
        return replace(report, batch_id=batch.id)

    return deps.transact(unit)


def _program(session: Session, provider_id: int, merchant_id: int) -> CardProgram:
    program = live_program(session, provider_id, merchant_id)
    if program is None or program.status is not ProgramStatus.APPROVED:
        raise NotOffered()
    return program


def _judge(
    session: Session, deps: Deps, provider_id: int, merchant_id: int, sheet: Sheet, room: Room
) -> ImportReport:
    """Everything that stands against the file: of single rows, and of the whole (row 0)."""
    problems = list(sheet.problems)
    known = session.scalar(
        select(ImportBatch.id).where(
            ImportBatch.provider_id == provider_id,
            ImportBatch.merchant_id == merchant_id,
            ImportBatch.file_hash == sheet.file_hash,
        )
    )
    if known is not None:
        problems.append(RowProblem(0, f"这个文件已导入过（批次 {known}）"))
    cap = card_cap(deps.settings, registered=True)
    for row in sheet.rows:
        if row.balance_fen > cap:
            problems.append(RowProblem(row.number, f"余额超过单卡上限 {yuan_from_fen(cap)} 元"))
    for number in _members_already(session, deps, provider_id, merchant_id, sheet.rows):
        problems.append(RowProblem(number, "这个手机号已是会员"))
    if sheet.sum_fen > room.left_fen:
        problems.append(
            RowProblem(
                0,
                f"合计 {yuan_from_fen(sheet.sum_fen)} 元超过商户剩余额度"
                f" {yuan_from_fen(max(0, room.left_fen))} 元",
            )
        )
    problems.sort(key=lambda problem: (problem.number, problem.reason))
    return ImportReport(len(sheet.rows), sheet.sum_fen, max(0, room.left_fen), tuple(problems))


def _members_already(
    session: Session, deps: Deps, provider_id: int, merchant_id: int, rows: Sequence[Row]
) -> Iterator[int]:
    for some in _chunks(rows):
        hashes = {
            people.phone_hash(deps, provider_id, merchant_id, row.phone): row.number for row in some
        }
        taken = session.scalars(
            select(Member.phone_hash).where(
                Member.provider_id == provider_id,
                Member.merchant_id == merchant_id,
                Member.phone_hash.in_(sorted(hashes)),
            )
        )
        yield from sorted(hashes[found] for found in taken if found is not None)


def _chunks(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    for start in range(0, len(rows), CHUNK):
        yield rows[start : start + CHUNK]


_IDS = text("SELECT nextval(pg_get_serial_sequence(:t, 'id')) FROM generate_series(1, :n)")

_MEMBERS = text("""
INSERT INTO member (provider_id, id, merchant_id, phone_hash, phone_sealed, name_hash, name_sealed,
    created_at)
SELECT :p, r.id, :m, r.phone_hash, r.phone_sealed, r.name_hash, r.name_sealed, :now
FROM unnest(CAST(:ids AS bigint[]), CAST(:phone_hashes AS text[]), CAST(:phones AS text[]),
    CAST(:name_hashes AS text[]), CAST(:names AS text[]))
    AS r(id, phone_hash, phone_sealed, name_hash, name_sealed)
""")

# Opening balances: a card, its first movement and the mark for the seal, set by set. The same rows
# that `services/ledger.py` writes for one card; the database's own rules hold for these, too.
_CARDS = text("""
WITH given AS (
    SELECT * FROM unnest(CAST(:cards AS bigint[]), CAST(:ids AS bigint[]),
        CAST(:public_ids AS text[]), CAST(:numbers AS text[]), CAST(:fens AS bigint[]),
        CAST(:keys AS text[])) AS g(card_id, member_id, public_id, number, fen, key)
), carded AS (
    INSERT INTO member_card (provider_id, id, merchant_id, program_id, member_id, public_id,
        number, status, paid_fen, bonus_fen, held_fen, cap_fen, version, created_at, moved_at)
    SELECT :p, card_id, :m, :program, member_id, public_id, number, 'imported', fen, 0, 0, :cap,
        CASE WHEN fen > 0 THEN 1 ELSE 0 END, :now, :now FROM given
), tailed AS (
    INSERT INTO ledger_tail (provider_id, merchant_id, key)
    SELECT :p, :m, key FROM given WHERE fen > 0
)
INSERT INTO ledger_entry (provider_id, merchant_id, card_id, kind, account, delta_fen,
    balance_after_fen, key, actor, reason, recorded_at, day_on)
SELECT :p, :m, g.card_id, 'import', leg.account, leg.sign * g.fen,
    CASE leg.account WHEN 'card_paid' THEN g.fen END, g.key, :actor, :reason, :now,
    CAST(CAST(:now AS timestamptz) AT TIME ZONE 'Asia/Shanghai' AS date)
FROM given g CROSS JOIN (VALUES ('card_paid', 1), ('adjustments', -1)) AS leg(account, sign)
WHERE g.fen > 0
""")


def _write(
    session: Session, deps: Deps, program: CardProgram, batch: ImportBatch, rows: Sequence[Row]
) -> None:
    provider_id, merchant_id = program.provider_id, program.merchant_id
    ids = _fresh(session, "member", len(rows))
    named = [bool(row.name) for row in rows]
    shared = {"p": provider_id, "m": merchant_id, "now": deps.now(), "ids": ids}
    session.execute(
        _MEMBERS,
        shared
        | {
            "phone_hashes": [
                people.phone_hash(deps, provider_id, merchant_id, row.phone) for row in rows
            ],
            "phones": [
                people.seal(deps, "phone_sealed", provider_id, member_id, row.phone)
                for member_id, row in zip(ids, rows, strict=True)
            ],
            "name_hashes": [
                people.name_hash(deps, provider_id, merchant_id, row.name) if has else None
                for has, row in zip(named, rows, strict=True)
            ],
            "names": [
                people.seal(deps, "name_sealed", provider_id, member_id, row.name) if has else None
                for has, member_id, row in zip(named, ids, rows, strict=True)
            ],
        },
    )
    session.execute(
        _CARDS,
        shared
        | {
            "program": program.id,
            "cards": _fresh(session, "member_card", len(rows)),
            "public_ids": [new_public_id() for _ in rows],
            "numbers": free_numbers(session, provider_id, len(rows)),
            "fens": [row.balance_fen for row in rows],
            "keys": [f"import:{batch.id}:{row.number}" for row in rows],
            "cap": card_cap(deps.settings, registered=True),
            "actor": batch.actor,
            "reason": f"导入批次 {batch.id}",
        },
    )


def _fresh(session: Session, table: str, count: int) -> list[int]:
    """Ids before their rows: a value is sealed for the row that it stands in."""
    return [int(found) for found in session.scalars(_IDS, {"t": table, "n": count})]
