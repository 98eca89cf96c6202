"""What a scanned code means: its provider, merchant and store, and whether it may be paid now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.merchant import GrantState, PageMode
from models.paycode import PayCodeKind
from models.provider import OaState
from services.deps import Deps
from services.problems import PayProblem
from services.single import Single

SHANGHAI = ZoneInfo("Asia/Shanghai")

_COLUMNS = """
    p.id AS provider_id, p.out_mch_id, p.name AS provider_name, p.is_active AS provider_active,
    p.oa_state, p.account_version, p.max_fen AS provider_max, p.follow_url,
    c.id AS code_id, c.code, c.kind, c.name AS code_name, c.is_active AS code_active, c.staff_id,
    c.unit_price_fen,
    m.id AS merchant_id, m.out_sub_mch_id, m.name AS merchant_name, m.short_name, m.order_prefix,
    m.second_prefix, COALESCE(m.logo_id, p.logo_id) AS logo_id, m.is_active AS merchant_active,
    COALESCE(s.wechat_sub_mchid, m.wechat_sub_mchid) AS wechat_sub_mchid,
    CASE WHEN s.wechat_sub_mchid IS NULL THEN m.wechat_sub_appid END AS wechat_sub_appid,
    COALESCE(s.alipay_pid, m.alipay_pid) AS alipay_pid,
    CASE WHEN s.alipay_pid IS NULL THEN m.alipay_state ELSE s.alipay_state END AS alipay_state,
    m.alipay_wap, m.min_fen AS merchant_min, m.max_fen AS merchant_max,
    s.id AS store_id, s.out_shop_id, s.name AS store_name, s.branch_name,
    s.is_active AS store_active, s.opens_at, s.closes_at, s.page_mode, s.goods_tag,
    s.min_fen AS store_min, s.max_fen AS store_max, s.disable_membership_card,
    s.paused_at IS NOT NULL AS store_paused, s.takes_remark
"""
_JOINS = """
    LEFT JOIN merchant m ON m.provider_id = p.id AND m.id = {merchant}
    LEFT JOIN store s ON s.provider_id = p.id AND s.id = {store}
"""
_BY_CODE = text(
    f"SELECT {_COLUMNS} FROM provider p"
    " JOIN pay_code c ON c.provider_id = p.id AND c.code = :code"
    + _JOINS.format(merchant="c.merchant_id", store="c.store_id")
    + " WHERE p.out_mch_id = :out_mch_id"
)
_CODE_AT_ONCE = Single(_BY_CODE)
_BY_STORE = text(
    f"SELECT {_COLUMNS} FROM provider p JOIN store s ON s.provider_id = p.id AND s.id = :store_id"
    " JOIN merchant m ON m.provider_id = p.id AND m.id = s.merchant_id"
    " LEFT JOIN pay_code c ON c.provider_id = p.id AND c.id = :code_id"
    " WHERE p.id = :provider_id"
)
_ROUTE = text(
    "SELECT p.out_mch_id, r.code FROM route r JOIN provider p ON p.id = r.provider_id"
    " WHERE r.kind = :kind AND r.external_id = :external_id"
)
_PROVIDER = text("SELECT 1 FROM provider WHERE out_mch_id = :out_mch_id")


@dataclass(frozen=True, slots=True)
class Scan:
    """One row that the whole visit needs. Fields are named as their columns.

    The wallets' accounts are the store's own where it has any, else the merchant's (MCH-11). The
    merchant's sub AppID is bound to its own number, so a store with another one has none.
    """

    provider_id: int
    out_mch_id: str
    provider_name: str
    provider_active: bool
    oa_state: OaState
    account_version: int
    provider_max: int | None
    follow_url: str | None
    code_id: int | None
    code: str | None
    kind: PayCodeKind | None
    code_name: str | None
    code_active: bool | None
    staff_id: int | None
    unit_price_fen: int | None
    merchant_id: int
    out_sub_mch_id: str
    merchant_name: str
    short_name: str
    order_prefix: str
    second_prefix: str | None
    logo_id: str | None  # the merchant's, else the provider's
    merchant_active: bool
    wechat_sub_mchid: str | None
    wechat_sub_appid: str | None
    alipay_pid: str | None
    alipay_state: GrantState
    alipay_wap: bool
    merchant_min: int | None
    merchant_max: int | None
    store_id: int
    out_shop_id: str
    store_name: str
    branch_name: str
    store_active: bool
    opens_at: time | None
    closes_at: time | None
    page_mode: PageMode
    goods_tag: str | None
    store_min: int | None
    store_max: int | None
    disable_membership_card: bool
    store_paused: bool
    takes_remark: bool

    @property
    def shop(self) -> str:
        """The store as a payer knows it: 青禾茶事 · 湖滨店."""
        return f"{self.store_name} · {self.branch_name}" if self.branch_name else self.store_name

    @property
    def logo_url(self) -> str:
        """ "" for none: the shop's first character stands for it."""
        return f"/q/{self.out_mch_id}/logo/{self.logo_id}" if self.logo_id else ""

    @property
    def min_fen(self) -> int:
        return max(1, self.merchant_min or 1, self.store_min or 1)

    def max_fen(self, ceiling: int) -> int:
        """The narrowest of the caps (product AMT-4)."""
        caps = (self.provider_max, self.merchant_max, self.store_max)
        return min([ceiling, *(cap for cap in caps if cap is not None)])


def _scan(row: Any) -> Scan:
    values: dict[str, Any] = row._asdict()
    values["oa_state"] = OaState(values["oa_state"])
    values["alipay_state"] = GrantState(values["alipay_state"] or "none")
    values["page_mode"] = PageMode(values["page_mode"] or "default")
    values["kind"] = PayCodeKind(values["kind"]) if values["kind"] else None
    return Scan(**values)


def scan_code(deps: Deps, out_mch_id: str, code: str) -> Scan:
    """Find a printed code of this provider; every reason against it has its own words."""
    row = _CODE_AT_ONCE.first(deps, {"out_mch_id": out_mch_id, "code": code})
    if row is None:
        raise deps.transact(lambda s: _why_not_found(s, out_mch_id, code))
    if row.store_id is None or row.merchant_id is None:
        raise PayProblem("PAY_CODE_UNBOUND", code=code)
    return _scan(row)


def _why_not_found(session: Session, out_mch_id: str, code: str) -> PayProblem:
    owner = session.execute(_ROUTE, {"kind": "code", "external_id": code}).first()
    if owner is not None and owner.out_mch_id != out_mch_id:
        return PayProblem(
            "PAY_CODE_PROVIDER_MISMATCH",
            code=code,
            provider=out_mch_id,
            code_provider=owner.out_mch_id,
        )
    return PayProblem("PAY_CODE_UNKNOWN", status=404, code=code)


def scan_store(session: Session, provider_id: int, store_id: int, code_id: int | None) -> Scan:
    """The same for an order that we already have."""
    keys = {"provider_id": provider_id, "store_id": store_id, "code_id": code_id}
    row = session.execute(_BY_STORE, keys).first()
    if row is None:
        raise PayProblem("PAY_CODE_UNKNOWN", status=404)
    return _scan(row)


def find_route(session: Session, kind: str, external_id: str) -> tuple[str, str | None]:
    """An id that arrives without its provider: (out_mch_id, code)."""
    row = session.execute(_ROUTE, {"kind": kind, "external_id": external_id}).first()
    if row is None:
        raise PayProblem("PAY_CODE_UNKNOWN", status=404, code=external_id[:64])
    return row.out_mch_id, row.code


def check_open(scan: Scan, channel: str, now: datetime) -> None:
    """Every state that ends the visit before OAuth (product OCP-11), the nearest cause first."""
    if not scan.provider_active or not scan.merchant_active:
        raise PayProblem("MERCHANT_DISABLED", shop=scan.shop)
    if scan.store_paused:
        raise PayProblem("STORE_CLOSED", shop=scan.shop)
    if not scan.store_active or scan.code_active is False:
        raise PayProblem("STORE_DISABLED", shop=scan.shop, out_shop_id=scan.out_shop_id)
    if not _is_open(scan, now):
        assert scan.opens_at is not None
        raise PayProblem("STORE_CLOSED", shop=scan.shop, opens_at=f"{scan.opens_at:%H:%M}")
    if channel == "wechat":
        _check_wechat(scan)
    else:
        _check_alipay(scan)


def check_card_visit(scan: Scan) -> None:
    """May a member's pages be opened? Also with the merchant switched off: what members have paid
    for is theirs to spend and to ask back as long as the provider lives (docs/compliance.md).
    """
    if not scan.provider_active:
        raise PayProblem("MERCHANT_DISABLED", shop=scan.shop)
    _check_wechat(scan)


def _is_open(scan: Scan, now: datetime) -> bool:
    if scan.opens_at is None or scan.closes_at is None:
        return True
    at = now.astimezone(SHANGHAI).time()
    if scan.opens_at <= scan.closes_at:
        return scan.opens_at <= at < scan.closes_at
    return at >= scan.opens_at or at < scan.closes_at  # open past midnight


def _check_wechat(scan: Scan) -> None:
    if not scan.wechat_sub_mchid:
        raise PayProblem("PLATFORM_NOT_ENABLED", shop=scan.shop, channel="wechat")
    codes = {
        OaState.NOT_AUTHORIZED: "PROVIDER_OA_NOT_AUTHORIZED",
        OaState.NOT_VERIFIED: "PROVIDER_OA_NOT_VERIFIED",
        OaState.SCOPE_DENIED: "OA_SCOPE_DENIED",
    }
    if scan.oa_state in codes:
        raise PayProblem(codes[scan.oa_state], shop=scan.shop, out_mch_id=scan.out_mch_id)


def _check_alipay(scan: Scan) -> None:
    if not scan.alipay_pid or scan.alipay_state is GrantState.NONE:
        raise PayProblem("PLATFORM_NOT_ENABLED", shop=scan.shop, channel="alipay")
    if scan.alipay_state is not GrantState.VALID:
        raise PayProblem("ALIPAY_TOKEN_INVALID", shop=scan.shop, state=scan.alipay_state.value)
