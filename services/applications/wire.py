"""An application as WeChat wants it: nested, nothing empty, nothing that does not apply."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from services.applications.fields import ENTERPRISE, FIELDS, SUPER, applies

_CARD: Final = "IDENTIFICATION_TYPE_IDCARD"
_IDENTITY: Final = "subject_info.identity_info"


def body(business_code: str, values: Mapping[str, str], media: Mapping[str, str]) -> dict[str, Any]:
    """`media` is the media_id of each picture, by field. Everything is plain: the gateway
    encrypts what WeChat wants encrypted."""
    made: dict[str, Any] = {"business_code": business_code}
    for field in FIELDS:
        if not applies(field, dict(values)):
            continue
        value = media.get(field.name) if field.is_picture else values.get(field.name)
        if value:
            _put(made, field.path, [value] if field.many else value)
    for path, value in _constants(values).items():
        _put(made, path, value)
    return made


def _constants(values: Mapping[str, str]) -> dict[str, Any]:
    """What follows from the rest."""
    found: dict[str, Any] = {
        f"{_IDENTITY}.id_doc_type": _CARD,
        "business_info.sales_info.sales_scenes_type": ["SALES_SCENES_STORE"],
    }
    if values.get("contact_type") == SUPER:
        found["contact_info.contact_id_doc_type"] = _CARD
    if values.get("subject_type") == ENTERPRISE:
        found |= {f"{_IDENTITY}.id_holder_type": "LEGAL", f"{_IDENTITY}.owner": True}
    return found


def _put(made: dict[str, Any], path: str, value: Any) -> None:
    *parents, last = path.split(".")
    for name in parents:
        made = made.setdefault(name, {})
    made[last] = value
