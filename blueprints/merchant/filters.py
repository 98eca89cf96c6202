"""The row of filters above a list on the merchant's phone: kinds, then stores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Protocol, TypeVar

from models.merchant import Store


class Asked(Protocol):
    """What a list's address asks for: a dataclass with `before`, `kind` and `store_id`."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def kind(self) -> Any: ...

    @property
    def store_id(self) -> int | None: ...

    def url(self) -> str: ...


A = TypeVar("A", bound=Asked)


def links(asked: A, kinds: Mapping[Any, str], stores: Sequence[Store]) -> list[dict[str, Any]]:
    """Kinds, of which a second tap frees again; then stores, of which one or all is chosen.

    None are shown of a single store. A filter begins with the newest.
    """
    first, made = replace(asked, before=None), []
    for kind, label in kinds.items():
        chosen = asked.kind is kind
        made.append(_link(replace(first, kind=None if chosen else kind), label, chosen))
    if len(stores) > 1:
        made.append(_link(replace(first, store_id=None), "全部门店", asked.store_id is None))
        for store in stores:
            here = replace(first, store_id=store.id)
            made.append(_link(here, store.branch_name or store.name, asked.store_id == store.id))
    return made


def _link(asked: Asked, label: str, current: bool) -> dict[str, Any]:
    return {"href": asked.url(), "label": label, "current": current}
