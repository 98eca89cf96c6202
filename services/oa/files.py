"""Files that WeChat looks for at the root of a domain before it believes that it is ours."""

from __future__ import annotations

import re

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from errors import BadInput, NotFound
from models.official import VerifyFile
from services.deps import Deps

# MP_verify_….txt (official accounts), WW_verify_….txt (WeCom), ten or more letters and digits
# (WeChat Pay, the third-party platform).
NAME = re.compile(r"(?:MP|WW)_verify_[0-9A-Za-z]{8,64}\.txt|[0-9A-Za-z]{10,64}\.txt")
CONTENT = re.compile(r"[!-~]{1,1024}")


def find(deps: Deps, name: str) -> str | None:
    return deps.transact(
        lambda s: s.scalar(select(VerifyFile.content).where(VerifyFile.name == name))
    )


def put(deps: Deps, name: str, content: str) -> None:
    """Serve this file from now on. Raises BadInput for what WeChat would not have made."""
    content = content.strip()
    if not NAME.fullmatch(name):
        raise BadInput("a name like MP_verify_….txt, or ten or more letters and digits and .txt")
    if not CONTENT.fullmatch(content):
        raise BadInput("the content is one word, as WeChat gave it")
    wanted = insert(VerifyFile).values(name=name, content=content, created_at=deps.now())
    deps.transact(
        lambda s: s.execute(
            wanted.on_conflict_do_update(index_elements=["name"], set_={"content": content})
        )
    )


def remove(deps: Deps, name: str) -> None:
    """Raises NotFound."""

    def unit(session: Session) -> None:
        row = session.get(VerifyFile, name)
        if row is None:
            raise NotFound(f"no file {name}")
        session.delete(row)
        session.flush()

    deps.transact(unit)


def names(deps: Deps) -> list[str]:
    wanted = select(VerifyFile.name).order_by(VerifyFile.name)
    return list(deps.transact(lambda s: s.scalars(wanted).all()))
