"""What is wrong with a pasted key or number, and what was put right, in words for the console.

The commands say the same in English (`services/credentials.py`); nothing of a value is in either.
"""

from __future__ import annotations

import re
from typing import Final

from errors import AppError, BadInput, CallbackAddress
from services.credentials import BadCredential

LABELS: Final = {
    "sp_mchid": "服务商号",
    "sp_appid": "公众号 AppID",
    "merchant_certificate": "API 证书",
    "p12": "证书文件",
    "merchant_serial": "API 证书",
    "merchant_private_key": "API 私钥",
    "apiv3_key": "APIv3 密钥",
    "apiv2_key": "APIv2 密钥",
    "public_key_id": "微信支付公钥 ID",
    "public_key": "微信支付公钥",
    "platform_certificate": "平台证书",
    "oa_secret": "公众号 AppSecret",
    "alipay_app_id": "支付宝应用 AppID",
    "app_id": "支付宝应用 AppID",
    "pid": "PID",
    "app_private_key": "应用私钥",
    "alipay_public_key": "支付宝公钥",
}
_THINGS: Final = {
    "private key": "私钥", "rsa private key": "私钥", "public key": "公钥",
    "rsa public key": "公钥", "certificate": "证书", "encrypted private key": "带密码的私钥",
    "ec private key": "椭圆曲线私钥", "certificate request": "证书请求文件",
    "openssh private key": "OpenSSH 私钥",
}  # fmt: skip
_RULES: Final = {
    "8 to 10 digits": "8 到 10 位数字",
    "wx and 16 characters of 0-9a-f": "wx 开头，后面 16 位 0-9a-f",
    "wx and 16 characters of 0-9a-z": "wx 开头，后面 16 位 0-9a-z",
    "40 characters of 0-9A-F": "40 位 0-9A-F",
    "PUB_KEY_ID_ and digits": "PUB_KEY_ID_ 开头，后面是数字",
    "32 visible ASCII characters": "32 位英文、数字或符号",
    "32 letters and digits": "32 位字母或数字",
    "16 digits": "16 位数字",
    "16 digits that begin with 2088": "2088 开头的 16 位数字",
    "10 to 40 visible ASCII characters": "10 到 40 位英文、数字或符号",
    "10 to 64 visible ASCII characters": "10 到 64 位英文、数字或符号",
}
_REASONS: Final = (
    (r"holds characters that are not ASCII", "里面有中文或其他非英文字符，请重新复制"),
    (r"is empty", "是空的"),
    (r"is not base64: .*", "里面有字符丢了或变了，请重新复制整段"),
    (r"not a certificate of an RSA key", "这张证书不是 RSA 证书"),
    (r"not a certificate: .*", "不是证书，或没有复制完整"),
    (r"not a private key: .*", "不是私钥，或没有复制完整"),
    (r"not an RSA key", "不是 RSA 密钥"),
    (r"not an RSA public key: .*", "不是 RSA 公钥，或没有复制完整"),
    (r"the key has a password: .*", "这把私钥有密码，请导出不带密码的"),
    (r"the line -----BEGIN .*", "-----BEGIN 或 -----END 那一行缺失或损坏，请连同首尾两行一起复制"),
    (r"the key has (\d+) bits, (\d+) are wanted", r"密钥是 \1 位，要 \2 位"),
    (r"is missing: .*", "还没有填：第一次保存时每项都要"),
    (r"the public key or a platform certificate is wanted", "公钥和平台证书至少要有一个"),
    (r"the public key and its id go together", "公钥和公钥 ID 要一起填"),
)
_NOTES: Final = (
    (r"blanks or line breaks inside were removed", "去掉了中间的空格或换行"),
    (r"invisible characters .* were removed", "去掉了看不见的字符（BOM、零宽字符）"),
    (r"full-width characters were made half-width", "把全角字符改成了半角"),
    (r"bare base64 was given PEM lines", "补上了 -----BEGIN 和 -----END 两行"),
)

_ADDRESS: Final = (
    (r"it is not called|host of our own network|IPv6 address with a zone", "它指向内网或本机"),
    (r"only https", "只能是 https 地址"),
    (r"no address|did not resolve", "查不到这个域名"),
    (r"port", "端口不允许：用 443，或较大的端口"),
    (r"user name or password", "地址里不能有用户名或密码"),
    (r"fragment", "地址里不能有 # 后面的部分"),
    (r"spaces|percent-encoded", "地址里有空格、换行或不允许的字符"),
    (r".", "这不是一个可用的网址"),
)


class FieldWrong(AppError):
    """A field that cannot be right, in the console's words; `detail` names no value."""

    code = "CREDENTIAL_INVALID"
    status = 422
    title = "密钥或编号填写有误"
    steps = ("按提示改正后再保存。",)


class PidChange(FieldWrong):
    """Another PID than before: it decides who gets the rebate, so it is asked once more."""

    code = "PID_CONFIRM"
    title = "请确认 PID 的改动"


def said(problem: AppError) -> FieldWrong:
    """The same in Chinese."""
    if isinstance(problem, FieldWrong):
        return problem
    if isinstance(problem, BadCredential):
        field = str(problem.facts.get("field", ""))
        why = problem.detail.partition(": ")[2]
        return FieldWrong(f"{LABELS.get(field, field)}：{reason(why)}", field=field)
    return FieldWrong(other(problem))


def reason(why: str) -> str:
    """The part behind the field's name. Raises KeyError for words that nobody put into Chinese."""
    is_instead = re.fullmatch(r"this is an? (.+?), an? (.+) is wanted", why)
    if is_instead:
        found, wanted = is_instead[1], is_instead[2]
        return f"这是{_THINGS.get(found, found)}，这里要填{_THINGS[wanted]}"
    shape = re.fullmatch(r"must be (.+), found (\d+) characters", why)
    if shape:
        return f"应为{_RULES[shape[1]]}，现在是 {shape[2]} 个字符"
    for pattern, words in _REASONS:
        found_one = re.fullmatch(pattern, why)
        if found_one:
            return found_one.expand(words)
    raise KeyError(why)


def note(text: str) -> str:
    """What was put right."""
    field, _, what = text.partition(": ")
    for pattern, words in _NOTES:
        if re.fullmatch(pattern, what):
            return f"{LABELS.get(field, field)}：{words}"
    raise KeyError(text)


def other(problem: AppError) -> str:
    if isinstance(problem, CallbackAddress):
        return f"{problem.title}：{callback(problem.detail)}"
    if isinstance(problem, BadInput) and "provider's own account" in problem.detail:
        name = problem.detail.partition(":")[0]
        return f"商户「{name}」登记的收款账户就是它：钱会进服务商自己的账户"
    return problem.detail if problem.detail and not problem.detail.isascii() else problem.title


def callback(why: str) -> str:
    """An address that is not called, in few words; the details stay English."""
    return next((words for pattern, words in _ADDRESS if re.search(pattern, why)), why)
