"""特约商户进件 at WeChat Pay: pictures, applications, and how they stand. Source: wechat.md E1.

Fields that WeChat wants encrypted are encrypted here, to its own key, and leave no other way.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from urllib.parse import quote

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from errors import GatewayRejected, GatewayUnknown
from gateways import strict_json
from gateways.base import WechatAccount
from gateways.http import ClientCache, Transport, timed
from gateways.wechat_pay.client import WechatPayClient

_FORMS: Final = "/v3/applyment4sub/applyment/"  # with its final slash
_BY_CODE: Final = "/v3/applyment4sub/applyment/business_code/"
_MEDIA: Final = "/v3/merchant/media/upload"
MEDIA_TYPES: Final = {"jpg": "image/jpeg", "png": "image/png", "bmp": "image/bmp"}
MOST_PLAIN: Final = 214  # bytes that fit into one RSA block
# Marked † in WeChat's table.
ENCRYPTED: Final = frozenset(
    {
        "contact_info.contact_name", "contact_info.contact_id_number", "contact_info.mobile_phone",
        "contact_info.contact_email",
        "subject_info.identity_info.id_card_info.id_card_name",
        "subject_info.identity_info.id_card_info.id_card_number",
        "subject_info.identity_info.id_card_info.id_card_address",
        "bank_account_info.account_name", "bank_account_info.account_number",
    }
)  # fmt: skip
_IN_FLIGHT: Final = frozenset({"PROCESSING", "RESOURCE_ALREADY_EXISTS"})
_NONE: Final = frozenset({"APPLYMENT_NOTEXIST", "RESOURCE_NOT_EXISTS"})
_OAEP: Final = padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None)


class FormState(StrEnum):
    """WeChat's states without their prefix, and its misspelling put right."""

    EDITING = "editing"
    AUDITING = "auditing"
    REJECTED = "rejected"
    TO_BE_CONFIRMED = "to_be_confirmed"
    TO_BE_SIGNED = "to_be_signed"
    SIGNING = "signing"
    FINISHED = "finished"
    CANCELED = "canceled"


_STATES: Final = {
    "APPLYMENT_STATE_EDITTING": FormState.EDITING,
    **{f"APPLYMENT_STATE_{s.name}": s for s in FormState if s is not FormState.EDITING},
}


@dataclass(frozen=True, slots=True)
class Objection:
    """What WeChat's people or programs hold against one field; `path` is dotted, as sent."""

    path: str
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class FormWord:
    """What WeChat says of an application."""

    state: FormState
    words: str
    applyment_id: str | None
    sub_mchid: str | None
    sign_url: str | None
    objections: tuple[Objection, ...] = ()


class FormRefused(GatewayRejected):
    """A definite no to this content; `objection` names the field where WeChat does."""

    code = "APPLYMENT_REFUSED"

    def __init__(self, code: str, message: str, objection: Objection | None) -> None:
        super().__init__(code, message)
        self.objection = objection


class WechatApplyments:
    """Clients are kept per (account_key, version). Every call may raise GatewayUnknown."""

    def __init__(self, *, base: str, transport: Transport, now: Callable[[], datetime]) -> None:
        self._base, self._transport, self._now = base, transport, now
        self._clients: ClientCache[tuple[str, int], WechatPayClient] = ClientCache()

    def upload(self, account: WechatAccount, kind: str, sha256: str, content: bytes) -> str:
        """Give a picture, get its media_id. `kind` is a key of MEDIA_TYPES.

        The name that it has with us goes nowhere: it is called by its hash. GatewayRejected for a
        picture that WeChat does not take.
        """
        with timed("wechat", "applyment_media"):
            wire = self._client(account).upload(
                _MEDIA, f"{sha256[:24]}.{kind}", MEDIA_TYPES[kind], content
            )
        found = wire.get("media_id")
        if not isinstance(found, str) or not 0 < len(found) <= 256:
            raise GatewayUnknown("no media_id in the answer")
        return found

    def submit(self, account: WechatAccount, body: Mapping[str, Any]) -> str | None:
        """Hand an application in; its applyment_id, or None where one with its business_code is
        under way already: an answer that was lost, ask.

        `body` is plain and as WeChat's table has it. FormRefused names the field.
        """
        client = self._client(account)
        with timed("wechat", "applyment_submit"):
            serial, key = client.sealing_key()
            try:
                wire = client.call("POST", _FORMS, sealed(body, key), sealed_by=serial)
            except GatewayRejected as refused:
                if refused.upstream_code in _IN_FLIGHT:
                    return None
                raise _refused(refused) from None
        found = wire.get("applyment_id")
        if not isinstance(found, int | str) or isinstance(found, bool):
            raise GatewayUnknown("no applyment_id in the answer")
        return str(found)[:32]

    def query(self, account: WechatAccount, business_code: str) -> FormWord | None:
        """How an application stands; None where WeChat does not know it."""
        target = _BY_CODE + quote(business_code, safe="")
        try:
            with timed("wechat", "applyment_query"):
                wire = self._client(account).call("GET", target)
        except GatewayRejected as refused:
            if refused.upstream_code in _NONE:
                return None
            raise
        return _word(wire, business_code)

    def _client(self, account: WechatAccount) -> WechatPayClient:
        return self._clients.get(
            (account.account_key, account.version),
            lambda: WechatPayClient(
                account, base=self._base, transport=self._transport, now=self._now
            ),
        )


def sealed(body: Mapping[str, Any], key: RSAPublicKey, under: str = "") -> dict[str, Any]:
    """The same body, every field of ENCRYPTED encrypted; ValueError for one that is too long."""
    made: dict[str, Any] = {}
    for name, value in body.items():
        path = f"{under}{name}"
        if isinstance(value, Mapping):
            made[name] = sealed(value, key, f"{path}.")
        elif path in ENCRYPTED:
            raw = str(value).encode()
            if len(raw) > MOST_PLAIN:
                raise ValueError(f"{path} is too long")
            made[name] = base64.b64encode(key.encrypt(raw, _OAEP)).decode()
        else:
            made[name] = value
    return made


def _refused(error: GatewayRejected) -> FormRefused:
    path = as_path(str(error.facts.get("field") or ""))
    objection = Objection(path, "", error.upstream_message) if path else None
    return FormRefused(error.upstream_code, error.upstream_message, objection)


def _word(wire: Mapping[str, Any], business_code: str) -> FormWord:
    state = _STATES.get(str(wire.get("applyment_state")))
    if state is None or wire.get("business_code") != business_code:
        raise GatewayUnknown("an answer about something else, or a state that is in no table")
    try:
        sub_mchid = strict_json.word(dict(wire), "sub_mchid", longest=32)
        sign_url = strict_json.word(dict(wire), "sign_url", longest=1024)
        objections = tuple(_objection(one) for one in wire.get("audit_detail") or ())
    except (TypeError, ValueError, AttributeError):
        raise GatewayUnknown("the answer can not be read") from None
    number = wire.get("applyment_id")
    return FormWord(
        state,
        str(wire.get("applyment_state_msg") or "")[:200],
        None if number is None else str(number)[:32],
        sub_mchid,
        sign_url,
        objections,
    )


def _objection(one: Mapping[str, Any]) -> Objection:
    """`field` is written in several ways: /body/a/b, $.a.b, a.b."""
    return Objection(
        as_path(str(one.get("field") or "")),
        str(one.get("field_name") or "")[:40],
        str(one.get("reject_reason") or "")[:200],
    )


def as_path(field: str) -> str:
    bare = field.removeprefix("$").strip("./").replace("/", ".").removeprefix("body.")
    return ".".join(part for part in bare.split(".") if part and not part.isdigit())[:160]
