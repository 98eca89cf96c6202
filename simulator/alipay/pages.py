"""Plain pages that stand in for Alipay's own: refusals, the wap cashier, the consent page."""

from __future__ import annotations

from flask import Response, render_template_string, request

from simulator.alipay.codes import Refusal
from simulator.parties import PEOPLE

_FRAME = """<!doctype html>
<html lang="zh-CN"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }}</title><style>
body{font:16px/1.6 sans-serif;margin:0 auto;max-width:26rem;padding:24px}
h1{font-size:20px} .sum{font-size:36px;margin:8px 0}
button{display:block;width:100%;min-height:44px;margin:12px 0;font-size:17px}
small{color:#555}</style></head>
<body><h1>{{ title }}</h1><p><small>模拟页面，不产生真实交易</small></p>
"""
_REFUSAL = _FRAME + "<p>{{ text }}</p><p><code>{{ code }}</code></p></body></html>"
_CASHIER = (
    _FRAME
    + """<p>{{ subject }}</p><p class="sum">¥{{ total }}</p><p>收款方 {{ merchant }}</p>
<p>付款人 {{ payer }}</p>
<form method="post" action="/sim/alipay/cashier">
<input type="hidden" name="visit" value="{{ visit }}">
<button name="act" value="confirm">确认付款</button>
<button name="act" value="fail">模拟付款失败</button>
<button name="act" value="cancel">取消</button></form></body></html>"""
)
_CONSENT = (
    _FRAME
    + """<p>{{ app }} 申请获得你的会员信息</p>
<form method="get">{% for name, value in fields %}
<input type="hidden" name="{{ name }}" value="{{ value }}">{% endfor %}
<button name="agree" value="yes">同意</button></form></body></html>"""
)


def holder() -> str:
    """Whose phone this browser is: the cookie `sim_person`, by default lin."""
    person = request.cookies.get("sim_person", "")
    return person if person in PEOPLE else "lin"


def refusal_page(no: Refusal, status: int = 200) -> Response:
    page = render_template_string(_REFUSAL, title="支付宝", text=no.sub_msg, code=no.sub_code)
    return Response(page, status=status)


def said(text: str) -> Response:
    return Response(render_template_string(_REFUSAL, title="支付宝", text=text, code=""))


def cashier_page(*, subject: str, total: str, merchant: str, visit: str) -> Response:
    page = render_template_string(
        _CASHIER,
        title="支付宝收银台",
        subject=subject,
        total=total,
        merchant=merchant,
        payer=PEOPLE[holder()].name,
        visit=visit,
    )
    return Response(page)


def consent_page(app: str) -> Response:
    fields = list(request.args.items())
    return Response(render_template_string(_CONSENT, title="授权", app=app, fields=fields))
