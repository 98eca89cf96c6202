"""What the provider says about its own page at WeChat, and what each receipt shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from errors import BadInput
from models.official import VerifyFile
from services import audit
from services.deps import Deps
from services.gold_plan import rows
from services.oa import files


def set_provider(
    deps: Deps, provider_id: int, *, managed: bool, has_link: bool, actor: str
) -> None:
    """`managed`: "open by default" is on at WeChat. `has_link`: the receipt link is entered there.

    Nobody can ask WeChat for either.
    """

    def unit(session: Session) -> None:
        now = deps.now()
        row = rows.lock_setting(session, provider_id, now)
        row.managed_by_default, row.has_link = managed, has_link
        audit.record(
            session, provider_id=provider_id, actor=actor, action="gold_plan_setting",
            subject="provider", at=now, managed=managed, has_link=has_link,
        )  # fmt: skip

    deps.transact(unit)


def put_file(deps: Deps, provider_id: int, name: str, content: str, *, actor: str) -> None:
    """A file that WeChat looks for beside the receipt link. Raises BadInput for no such file.

    The folder is the deployment's: another provider's file of that name is never replaced.
    """
    if not files.NAME.fullmatch(name):
        raise BadInput("文件名照微信给的填写，例如 MP_verify_….txt")
    if not files.CONTENT.fullmatch(content.strip()):
        raise BadInput("文件内容是一行字母和数字，照微信给的文件原样粘贴")
    held = files.find(deps, name)
    if held is not None and held != content.strip():
        raise BadInput("这个文件名已有别的内容，请核对是不是选错了文件")

    def unit(session: Session) -> None:
        now = deps.now()
        session.execute(
            insert(VerifyFile)
            .values(name=name, content=content.strip(), provider_id=provider_id, created_at=now)
            .on_conflict_do_nothing(index_elements=["name"])
        )
        audit.record(
            session, provider_id=provider_id, actor=actor, action="verify_file_put",
            subject=f"file:{name}", at=now,
        )  # fmt: skip

    deps.transact(unit)


def set_blocks(
    deps: Deps, provider_id: int, merchant_id: int, blocks: Sequence[dict[str, Any]], *, actor: str
) -> None:
    """What the merchant's receipt shows from the next view on."""

    def unit(session: Session) -> None:
        now = deps.now()
        row = rows.lock(session, provider_id, merchant_id, now)
        row.blocks = list(blocks)
        audit.record(
            session, provider_id=provider_id, actor=actor, action="gold_plan_receipt",
            subject=f"merchant:{merchant_id}", at=now, blocks=[one["kind"] for one in blocks],
        )  # fmt: skip

    deps.transact(unit)
