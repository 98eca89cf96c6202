"""GET /sim/phone, GET /sim/bridge.js and the few calls that only they make."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flask import (
    Blueprint,
    Response,
    current_app,
    jsonify,
    make_response,
    redirect,
    render_template,
    request,
)
from flask.typing import ResponseReturnValue

from simulator.alipay.channels import ways
from simulator.alipay.wallet import looked_at
from simulator.books import Trade
from simulator.official import OFFICIAL
from simulator.parties import PEOPLE
from simulator.phone import menu, official_page
from simulator.world import World

HERE = Path(__file__).parent
LOOPBACK = ("127.0.0.1", "localhost")
PERSON = "sim_person"
NOBODY_CHOSEN = next(iter(PEOPLE))


def blueprint(world: World) -> Blueprint:
    bp = Blueprint(
        "phone",
        __name__,
        static_folder="static",
        static_url_path="/sim/phone/static",
        template_folder="templates",
    )
    product = urlsplit(world.public_url)
    origin = f"{product.scheme}://{product.netloc}"

    @bp.get("/sim/phone")
    def page() -> ResponseReturnValue:
        if twin := _same_host(product.hostname or ""):
            return redirect(twin)
        person = request.cookies.get(PERSON, "")
        answer = make_response(
            render_template(
                "phone/phone.html",
                product=world.public_url.rstrip("/"),
                people=[p for p in PEOPLE.values() if p.is_listed],
                person=person if person in PEOPLE else NOBODY_CHOSEN,
                menu=menu.MENU,
                accounts=OFFICIAL.values(),
            )
        )
        if person not in PEOPLE:
            _hold(answer, NOBODY_CHOSEN)
        answer.headers["Cache-Control"] = "no-store"
        answer.headers["Content-Security-Policy"] = (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
            f"connect-src 'self' {origin}; frame-src 'self' {origin}; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        return answer

    @bp.get("/sim/bridge.js")
    def bridge() -> ResponseReturnValue:
        wallet = request.args.get("wallet", "")
        if wallet not in menu.WALLETS:
            return Response("// wallet=wechat or wallet=alipay\n", 404, mimetype="text/javascript")
        parts = [(HERE / "static" / f"{n}.js").read_text("utf-8") for n in ("sheet", "bridge")]
        script = "".join(parts).replace("__WALLET__", wallet)
        return Response(script, mimetype="text/javascript", headers={"Cache-Control": "no-store"})

    @bp.get("/sim/phone/state")
    def state() -> ResponseReturnValue:
        return jsonify(now=world.clock.time(), faults=menu.armed(world))

    @bp.delete("/sim/phone/faults/<key>")
    def disarm(key: str) -> ResponseReturnValue:
        for item in menu.MENU:
            if item.key == key:
                menu.disarm(world, item)
        return "", 204

    @bp.post("/sim/phone/person")
    def person() -> ResponseReturnValue:
        key = str(_body().get("person", ""))
        if key not in PEOPLE:
            return jsonify(code="NO_SUCH_PERSON", message=f"没有叫 {key} 的人"), 404
        return _hold(make_response("", 204), key)

    @bp.route("/sim/phone/sheet", methods=["POST", "OPTIONS"])
    def sheet() -> ResponseReturnValue:
        if request.method == "OPTIONS":
            return _for_product(make_response("", 204), origin)
        wallet, params = str(_body().get("wallet", "")), _body().get("params")
        params = params if isinstance(params, dict) else {}
        ref = _ref(wallet, params)
        trade = world.books.by_ref(wallet, ref) if ref else None
        holder = PEOPLE.get(request.cookies.get(PERSON, ""), PEOPLE[NOBODY_CHOSEN])
        if wallet == "alipay" and "qrCode" in params:
            return _scanned(world, str(params["qrCode"]), holder.name)
        if trade is None:
            word = "prepay_id" if wallet == "wechat" else "tradeNO"
            problem = jsonify(code="ORDER_NOT_EXIST", message=f"没有这笔订单，请核对 {word}")
            problem.status_code = 404
            world.note("phone", _call(wallet), f"{word} 查不到")
            return _for_product(problem, origin)
        world.note("phone", _call(wallet), "等待你在手机里操作", trade.out_trade_no)
        return _for_product(jsonify(_shown(world, trade) | {"person": holder.name}), origin)

    official_page.mount(bp, world)
    return bp


def _scanned(world: World, code: str, person: str) -> ResponseReturnValue:
    """Alipay's own scanner read this code: there is no page of the product."""
    shown = looked_at(current_app.extensions["sim_alipay"], code)
    if shown is None:
        return jsonify(code="NO_SUCH_CODE", message="二维码不存在或已失效"), 404
    world.note("phone", "scan", "等待你在手机里操作", shown["out_trade_no"])
    return jsonify(shown | {"person": person})


def _same_host(product_host: str) -> str | None:
    """The page's own address under the product's spelling of loopback: cookies know no ports,
    but 127.0.0.1 inside a page of localhost is a foreign site and loses its cookies."""
    here = urlsplit(request.url)
    if here.hostname == product_host or not {here.hostname, product_host} <= set(LOOPBACK):
        return None
    port = f":{here.port}" if here.port else ""
    return here._replace(netloc=f"{product_host}{port}").geturl()


def _hold(answer: Response, person: str) -> Response:
    answer.set_cookie(PERSON, person, httponly=True, samesite="Lax", max_age=365 * 86400)
    return answer


def _body() -> dict[str, Any]:
    body = request.get_json(silent=True)
    return body if isinstance(body, dict) else {}


def _for_product(answer: Response, origin: str) -> Response:
    """The product's pay page may read this answer, and no other origin."""
    if request.headers.get("Origin") == origin:
        answer.headers["Access-Control-Allow-Origin"] = origin
        answer.headers["Access-Control-Allow-Credentials"] = "true"
        answer.headers["Access-Control-Allow-Headers"] = "Content-Type"
        answer.headers["Access-Control-Allow-Methods"] = "POST"
    answer.headers["Vary"] = "Origin"
    return answer


def _call(wallet: str) -> str:
    return "getBrandWCPayRequest" if wallet == "wechat" else "tradePay"


def _ref(wallet: str, params: dict[str, Any]) -> str:
    """What the bridge's own parameters say about the order: its prepay_id or trade_no."""
    if wallet == "wechat":
        key, _, ref = str(params.get("package", "")).partition("=")
        return ref if key == "prepay_id" else ""
    return str(params.get("tradeNO", "")) if wallet == "alipay" else ""


def _shown(world: World, trade: Trade) -> dict[str, Any]:
    facts = trade.facts
    shown = {
        "payee": _payee(world, trade),
        "amount_fen": trade.amount_fen,
        "out_trade_no": trade.out_trade_no,
        "description": facts.get("description") or facts.get("subject") or "",
    }
    if trade.channel == "alipay":
        sim = current_app.extensions["sim_alipay"]
        shown["ways"] = ways(sim, facts.get("asked", {}))
    return shown


def _payee(world: World, trade: Trade) -> str:
    if trade.channel == "wechat":
        provider = world.wechat.get(trade.owner)
        merchant = provider.merchants.get(trade.sub_mchid) if provider else None
        return merchant.name if merchant else trade.sub_mchid
    app_id, _, pid = trade.owner.partition(":")
    app = world.alipay.get(app_id)
    shops = app.merchants.values() if app else ()
    return next((m.name for m in shops if m.pid in (pid, trade.sub_mchid)), trade.sub_mchid)
