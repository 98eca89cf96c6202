"""Deposits (押金) over APIv2: freeze, query, consume, reverse. Source: wechat.md F.

One number serves a deposit from its freeze to its consumption, which is the trade that the books
and the bill know. Nothing is notified. After 30 days what is held goes back by itself.
"""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Callable
from functools import partial

from flask import Flask, Response, jsonify, request

from simulator.books import Trade
from simulator.clock import SHANGHAI, rfc3339
from simulator.freezes import Freeze
from simulator.parties import PEOPLE, WechatProvider
from simulator.wechat import deposit_rules as rules
from simulator.wechat import micropay, orders
from simulator.wechat.deposit_rules import (
    CONSUMED,
    FAILED,
    FROZEN,
    HELD,
    REVOKED,
    SETTLING,
    UNSETTLED,
    WAITING,
)
from simulator.wechat.v2_gate import IDENTITY, Field, Fields, No, V2Operation, text
from simulator.world import Code, World

CODE, FACE = "deposit", "deposit_face"  # the products that the trades of consumptions carry
FACE_APP = "wechat:facecode"
CONSUME, SETTLE_S = "wechat.deposit_consume", "wechat.deposit_settle_s"
SWITCHES: dict[str, tuple[str, tuple[str, ...], str]] = {
    "deposit_consume": (
        "at_once",
        ("at_once", "settling", "err_settling", "fails"),
        "a consumption is done at once, accepted and done later (said as success or as err_code "
        "SETTLING), or accepted and then not done: SETTLEMENTFAIL",
    ),
    "deposit_settle_s": ("2", (), "seconds that an accepted consumption takes"),
}


def pay(world: World, provider: WechatProvider, asked: Fields) -> Fields:
    """POST /deposit/micropay. Without deposit=Y it is an ordinary payment: the money moves."""
    if asked.get("deposit") != "Y":
        plain = {name: value for name, value in asked.items() if name != "deposit"}
        return micropay.pay(world, provider, plain)
    payer = partial(micropay.payer_of, world, asked["auth_code"])
    return _freeze(world, provider, asked, CODE, payer)


def face_pay(world: World, provider: WechatProvider, asked: Fields) -> Fields:
    """POST /deposit/facepay. Paying by face without a deposit is not built here."""
    if asked["deposit"] != "Y":
        raise No("NOAUTH", "商户无此接口权限")
    return _freeze(world, provider, asked, FACE, partial(_face_of, world, asked))


def _freeze(
    world: World, provider: WechatProvider, asked: Fields, product: str, payer: Callable[[], str]
) -> Fields:
    """A success says err_code SUCCESS besides, as upstream does [C]."""
    rules.permitted(world, provider, asked)
    until = micropay.pay_until(world, asked)
    with world.books.lock:
        age_of_number(world, provider, asked["out_trade_no"])
        rules.refuse_repeat(world, provider, asked)
        freeze = _opened(world, asked, product, payer(), until)
        result = world.switches.get("wechat.micropay_result")
        if result == "SUCCESS":
            frozen(world, freeze)
            return {"err_code": "SUCCESS", "err_code_des": "ok", **told(world, freeze)}
        freeze.state = FAILED if result in micropay.DEFINITE else WAITING
        world.freezes.put(freeze)
    undone = {WAITING: "需要用户输入支付密码", **micropay.UNDECIDED, **micropay.DEFINITE}
    raise No(result, undone[result])


def _opened(world: World, asked: Fields, product: str, person: str, until: float) -> Freeze:
    return Freeze(
        channel=orders.CHANNEL,
        owner=asked["mch_id"],
        mchid=asked["mch_id"],
        sub_mchid=asked["sub_mch_id"],
        out_freeze_no=asked["out_trade_no"],
        freeze_id="",
        freeze_fen=int(asked["total_fee"]),
        state=WAITING,
        created_at=world.clock.time(),
        expires_at=until,
        facts={
            "product": product,
            "fingerprint": micropay.fingerprint(asked),
            "sp_appid": asked["appid"],
            "sub_appid": asked.get("sub_appid"),
            "description": asked["body"],
            "attach": asked.get("attach"),
            "device_id": asked.get("device_info"),
            "person": person,
            "auth_code": asked.get("auth_code", ""),
        },
    )


def frozen(world: World, freeze: Freeze) -> None:
    """The payer's money is held from now on. Call under the books' lock."""
    freeze.state, freeze.frozen_at = FROZEN, world.clock.time()
    while not freeze.freeze_id or _is_taken(world, freeze.freeze_id):
        freeze.freeze_id = world.transaction_id(orders.CHANNEL)
    world.freezes.put(freeze)
    world.due.at(freeze.ends_at, partial(_look, world, freeze))


def _is_taken(world: World, made: str) -> bool:
    in_books = world.books.by_ref(orders.CHANNEL, made)
    return bool(in_books or world.freezes.by_id(orders.CHANNEL, made))


def query(world: World, provider: WechatProvider, asked: Fields) -> Fields:
    """POST /deposit/orderquery: a deposit, or any payment of the merchant's."""
    with world.books.lock:
        try:
            freeze = age(world, rules.found(world, provider, asked))
        except No as no:
            if no.fields["err_code"] != "ORDERNOTEXIST":
                raise
            return micropay.query(world, provider, asked)
        words = rules.STATE_WORDS[freeze.state]
        return {**told(world, freeze), "trade_state": freeze.state, "trade_state_desc": words}


def consume(world: World, provider: WechatProvider, asked: Fields) -> Fields:
    """POST /deposit/consume: once, and what it leaves goes back. Again with the same: the same."""
    with world.books.lock:
        freeze = age(world, rules.found(world, provider, asked))
        rules.same_total(freeze, asked)
        fen = int(asked["consume_fee"])
        if (freeze.state in (SETTLING, CONSUMED)) and fen == freeze.facts["consuming"]:
            return _accepted(freeze)
        rules.refuse_unheld(freeze)
        if fen > freeze.freeze_fen:
            raise No("INVALID_REQUEST", "消费金额大于押金金额")
        _begin(world, freeze, fen)
        return _accepted(freeze)


def _accepted(freeze: Freeze) -> Fields:
    if freeze.state == SETTLING and freeze.facts["how"] == "err_settling":
        raise No(SETTLING, "押金消费已受理，请稍后查询订单状态确认最终结果")
    return {
        "out_trade_no": freeze.out_freeze_no,
        "transaction_id": freeze.freeze_id,
        "total_fee": str(freeze.freeze_fen),
        "consume_fee": str(freeze.facts["consuming"]),
        "fee_type": "CNY",
    }


def _begin(world: World, freeze: Freeze, fen: int) -> None:
    how = world.switches.get(CONSUME)
    wait = 0.0 if how == "at_once" else float(world.switches.get(SETTLE_S))
    freeze.state = SETTLING
    freeze.facts |= {"consuming": fen, "how": how, "settles_at": world.clock.time() + wait}
    world.freezes.put(freeze)
    if how == "at_once":
        _settle(world, freeze)
    else:
        world.due.at(freeze.facts["settles_at"], partial(_look, world, freeze))


def _settle(world: World, freeze: Freeze) -> None:
    """The consumption becomes a trade of the deposit's own numbers; the rest is the payer's."""
    if freeze.facts["how"] == "fails":
        freeze.state = UNSETTLED
        world.freezes.put(freeze)
        return
    now, facts = world.clock.now(), freeze.facts
    freeze.state, freeze.consumed_fen = CONSUMED, facts["consuming"]
    freeze.released_fen = freeze.freeze_fen - freeze.consumed_fen
    freeze.orders = [freeze.out_freeze_no]
    kept = ("product", "sp_appid", "sub_appid", "description", "attach", "device_id", "person")
    world.books.put(
        Trade(
            channel=freeze.channel,
            owner=freeze.owner,
            mchid=freeze.mchid,
            sub_mchid=freeze.sub_mchid,
            out_trade_no=freeze.out_freeze_no,
            amount_fen=freeze.consumed_fen,
            state="SUCCESS",
            created_at=freeze.created_at,
            expires_at=freeze.expires_at,
            transaction_id=freeze.freeze_id,
            paid_at=rfc3339(now),
            facts={name: facts[name] for name in kept} | {"paid_time": world.clock.time()},
        )
    )
    world.freezes.put(freeze)


def reverse(world: World, provider: WechatProvider, asked: Fields) -> Fields:
    """POST /deposit/reverse: all of it goes back, or what waits is closed. Again: the same."""
    with world.books.lock:
        freeze = age(world, rules.found(world, provider, asked))
        rules.may_give_back(world, micropay.own_merchant(world, provider, asked))
        if world.clock.time() < freeze.created_at + micropay.SOONEST_REVERSE_S:
            raise No("INVALID_REQUEST", "支付后15秒内请勿撤销")
        if freeze.state in (*HELD, WAITING, FAILED):
            _release(world, freeze)
        elif freeze.state != REVOKED:
            rules.refuse_unheld(freeze)
    return {}


def _release(world: World, freeze: Freeze) -> None:
    freeze.released_fen += freeze.left_fen
    freeze.state = REVOKED
    world.freezes.put(freeze)


def age(world: World, freeze: Freeze) -> Freeze:
    """As of now: typed too late, settled, or held too long. Call under the books' lock."""
    now = world.clock.time()
    if freeze.state == WAITING and now >= freeze.expires_at:
        freeze.state = FAILED
        world.freezes.put(freeze)
    if freeze.state == SETTLING and now >= freeze.facts["settles_at"]:
        _settle(world, freeze)
    if freeze.state in HELD and now >= freeze.ends_at:
        _release(world, freeze)
    return freeze


def age_of_number(world: World, provider: WechatProvider, number: str) -> None:
    freeze = world.freezes.find(orders.CHANNEL, provider.sp_mchid, number)
    if freeze is not None:
        age(world, freeze)


def _look(world: World, freeze: Freeze) -> None:
    with world.books.lock:
        age(world, freeze)


def rearm(world: World) -> None:
    """After a restart: what ends by itself still does."""
    for freeze in world.freezes.all(orders.CHANNEL):
        for at in (freeze.facts.get("settles_at"), freeze.ends_at):
            if at is not None and freeze.state in (SETTLING, *HELD):
                world.due.at(at, partial(_look, world, freeze))


def told(world: World, freeze: Freeze) -> Fields:
    """Before money is held, only the number. `consume_fee` once there is one."""
    facts = freeze.facts
    said = {"out_trade_no": freeze.out_freeze_no, "attach": facts["attach"] or ""}
    if freeze.frozen_at is None:
        return said
    at = dt.datetime.fromtimestamp(freeze.frozen_at, SHANGHAI)
    if freeze.state in (SETTLING, CONSUMED):
        said["consume_fee"] = str(facts["consuming"])
    if facts["sub_appid"]:
        said["sub_openid"] = world.openid(facts["sub_appid"], facts["person"])
    return said | {
        "openid": world.openid(facts["sp_appid"], facts["person"]),
        "is_subscribe": "N",
        "device_info": facts["device_id"] or "",
        "trade_type": orders.TRADE_TYPE[facts["product"]],
        "bank_type": "OTHERS",
        "fee_type": "CNY",
        "total_fee": str(freeze.freeze_fen),
        "cash_fee": str(freeze.freeze_fen),
        "transaction_id": freeze.freeze_id,
        "time_end": at.strftime(micropay.STAMP),
    }


# --- the payer ---


def _face_of(world: World, asked: Fields) -> str:
    """Whose face it was. It is used up by the question."""
    code = world.codes.get(asked["face_code"])
    if code is None or code.app != FACE_APP or code.used:
        raise No("AUTH_CODE_ERROR", "face_code无效")
    if world.clock.time() >= code.expires_at:
        raise No("AUTHCODEEXPIRE", "face_code已过期，请用户重新刷脸")
    if world.openid(asked["appid"], code.person) != asked["openid"]:
        raise No("BUYER_MISMATCH", "openid与刷脸用户不一致")
    code.used = True
    return code.person


def add_face_codes(app: Flask, world: World) -> None:
    @app.post("/sim/wechat/facecode")
    def wechat_face_code() -> Response:
        """What a face terminal reads from `person`: good once, for a minute."""
        body = request.get_json(silent=True)
        asked = body.get("person") if isinstance(body, dict) else None
        person = str(asked) if str(asked) in PEOPLE else "lin"
        appid = str(body.get("appid", "")) if isinstance(body, dict) else ""
        appid = appid or next(iter(world.wechat.values())).appids[0]
        made = secrets.token_hex(16)
        until = world.clock.time() + micropay.CODE_LIFE_S
        world.codes[made] = Code(FACE_APP, person, until)
        return jsonify(face_code=made, openid=world.openid(appid, person), person=person)


def shown_to(world: World, params: dict[str, object]) -> Freeze | None:
    """The deposit that the payer's phone asks about, by the code it showed or the number."""
    for freeze in world.freezes.all(orders.CHANNEL):
        keys = {"auth_code": freeze.facts["auth_code"], "out_trade_no": freeze.out_freeze_no}
        if params and all(keys.get(name) == value for name, value in params.items()):
            return freeze
    return None


_WANTED = r"Y|N"
_SHARED = {
    name: field
    for name, field in micropay.PAY_TABLE.items()
    if name not in ("auth_code", "receipt", "profit_sharing", "body", "version")
} | {"body": text(128, required=True), "sign_type": Field(r"HMAC-SHA256", True)}
_MICROPAY = _SHARED | {"deposit": Field(_WANTED), "auth_code": text(128, required=True)}
_FACEPAY = _SHARED | {
    "deposit": Field(_WANTED, True),
    "openid": text(128, required=True),
    "face_code": text(128, required=True),
}
WHO = IDENTITY | {"sign_type": Field(r"HMAC-SHA256", True)}
_CONSUME = (
    WHO
    | micropay.WHICH
    | {
        "total_fee": Field(r"[1-9][0-9]{0,9}", True),
        "consume_fee": Field(r"[1-9][0-9]{0,9}", True),
        "fee_type": Field(r"CNY", True),
    }
)


def operation(
    name: str,
    work: Callable[[World, WechatProvider, Fields], Fields],
    table: dict[str, Field],
    *,
    needs_certificate: bool = False,
) -> V2Operation:
    """`wechat.deposit.<name>` at /deposit/<name>: HMAC-SHA256 alone."""
    path = f"/deposit/{name}"
    return V2Operation(f"wechat.deposit.{name}", path, work, table, needs_certificate, True)


OPERATIONS = (
    operation("micropay", pay, _MICROPAY),
    operation("facepay", face_pay, _FACEPAY),
    operation("orderquery", query, WHO | micropay.WHICH),
    operation("consume", consume, _CONSUME, needs_certificate=True),
    operation("reverse", reverse, WHO | micropay.WHICH, needs_certificate=True),
)
