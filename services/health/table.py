"""Every check of the configuration: what it is called, and what to do where it is not fine.

The only list of checks there is: who asks (`asking.py`), the pages, the documents and the test
that turns each one red and green again go by it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Scope(StrEnum):
    PROVIDER = "provider"
    MERCHANT = "merchant"
    STORE = "store"


@dataclass(frozen=True, slots=True)
class Check:
    """`after`: checks that must be fine before this one can be asked at all.

    `link` is the screen where the remedy is done; `{m}` is the merchant's own id.
    """

    name: str
    scope: Scope
    title: str
    remedy: tuple[str, ...]
    link: str
    after: tuple[str, ...] = ()
    help: str = "configuration-health"


_WECHAT, _ALIPAY = "/console/settings/wechat", "/console/settings/alipay"
_MERCHANT = "/console/merchants/{m}"
P, M, S = Scope.PROVIDER, Scope.MERCHANT, Scope.STORE
CHECKS: Final = (
    Check(
        "wechat_certificate", P, "微信支付 API 证书",
        ("登录微信支付商户平台：账户中心 → API 安全 → 申请新的 API 证书。",
         "把新的证书和私钥粘贴到「微信支付」配置里保存。"),
        _WECHAT,
    ),
    Check(
        "wechat_keys", P, "微信支付私钥",
        ("在商户平台 → API 安全查看当前证书的序列号。",
         "把同一份证书的 apiclient_cert.pem 和 apiclient_key.pem 粘贴到「微信支付」配置里保存。"),
        _WECHAT, after=("wechat_certificate",),
    ),
    Check(
        "wechat_apiv3_key", P, "APIv3 密钥",
        ("APIv3 密钥不能查看，只能在商户平台 → API 安全里重新设置。",
         "把新设置的 32 位密钥填到「微信支付」配置里保存；旧密钥会继续解开已发出的通知。"),
        _WECHAT, after=("wechat_certificate", "wechat_keys"),
    ),
    Check(
        "wechat_public_key", P, "微信支付公钥",
        ("在商户平台 → API 安全 → 微信支付公钥，复制公钥和公钥 ID。",
         "两项一起粘贴到「微信支付」配置里保存。"),
        _WECHAT, after=("wechat_certificate", "wechat_keys"),
    ),
    Check(
        "wechat_apiv2_key", P, "APIv2 密钥（付款码收款）",
        ("在商户平台 → API 安全重新设置 APIv2 密钥。", "把它填到「微信支付」配置里保存。"),
        _WECHAT, after=("wechat_certificate", "wechat_keys"),
    ),
    Check(
        "oa_access", P, "公众号",
        ("直连模式：在公众平台重置 AppSecret，填到「公众号授权」里保存。",
         "第三方平台模式：点「重新授权」，由公众号管理员扫码，勾选全部权限。"),
        "/console/official",
        help="authorisation-failed",
    ),
    Check(
        "oa_verified", P, "公众号认证",
        ("登录微信公众平台完成认证或年审续费，约 1 个工作日生效。",
         "生效后回到这里点「再查一次」。"),
        "/console/official", after=("oa_access",),
        help="scope-10005",
    ),
    Check(
        "oa_web", P, "网页授权",
        ("未认证或过期的公众号没有这个权限：先完成年审续费。",
         "没有授权「网页服务」：点「重新授权」，勾选「网页服务」。",
         "核对公众平台的网页授权域名是本系统的域名，然后用门店码付一笔验证。"),
        "/console/official", after=("oa_access", "oa_verified"),
        help="scope-10005",
    ),
    Check(
        "pay_page", P, "付款页",
        ("登录微信支付商户平台：产品中心 → 开发配置，把「公众号授权」页列出的支付授权目录登记好。",
         "核对 AppID 已与服务商号绑定。", "用门店码付一笔验证。"),
        "/console/official", after=("oa_web",),
        help="authorisation-failed",
    ),
    Check(
        "callback", P, "交易回调",
        ("请接收系统的人检查服务，收到后必须应答 HTTP 200。",
         "修好后在「交易回调」里点「发送测试」。"),
        "/console/settings/callback",
        help="callbacks",
    ),
    Check(
        "alipay_keys", P, "支付宝应用私钥",
        ("在支付宝开放平台 → 应用 → 接口加签方式，核对上传的应用公钥。",
         "把与它配套的应用私钥粘贴到「支付宝」配置里；没有备份就用「生成密钥对」，把新公钥传上去。"),
        _ALIPAY,
        help="alipay-provider",
    ),
    Check(
        "alipay_public_key", P, "支付宝公钥",
        ("在支付宝开放平台 → 接口加签方式，复制「支付宝公钥」，不是「应用公钥」。",
         "粘贴到「支付宝」配置里保存。"),
        _ALIPAY,
        help="alipay-provider",
    ),
    Check(
        "alipay_app", P, "支付宝应用",
        ("核对 AppID 是第三方应用的。",
         "在支付宝开放平台把应用提交上线，并添加「当面付」「第三方应用授权」。"),
        _ALIPAY, after=("alipay_keys",),
        help="alipay-provider",
    ),
    Check(
        "merchant_wechat", M, "微信子商户号",
        ("核对子商户号；填错就在商户资料里更正。",
         "号没有错：在微信支付服务商平台邀请商户重新授权，建立受理关系。"),
        _MERCHANT + "/wechat", after=("wechat_certificate", "wechat_keys", "wechat_public_key"),
    ),
    Check(
        "merchant_collecting", M, "微信收款权限",
        ("请商户登录微信支付商户平台，在产品中心开通 JSAPI 支付，或按提示解除收款限制。",
         "完成后用门店码付一笔验证。"),
        _MERCHANT + "/wechat", after=("merchant_wechat",),
    ),
    Check(
        "merchant_refunding", M, "服务商 API 退款权限",
        ("在微信支付服务商平台邀请商户授权「服务商 API 退款」。",
         "请商户登录商户平台，在产品中心接受邀请，然后把失败的退款再发起一次。"),
        _MERCHANT + "/permissions", after=("merchant_wechat",),
    ),
    Check(
        "merchant_alipay", M, "支付宝授权",
        ("在支付宝开放平台给应用开通「第三方应用授权」功能。",
         "打开商户的支付宝授权码，请商户管理员用支付宝扫码重新授权。"),
        _MERCHANT + "/alipay?again=1", after=("alipay_keys", "alipay_public_key", "alipay_app"),
        help="alipay-token",
    ),
    Check(
        "merchant_alipay_scope", M, "支付宝授权范围",
        ("应用的功能是在商户授权之后才添加的：授权里没有它。", "请商户管理员重新授权一次。"),
        _MERCHANT + "/alipay?again=1", after=("merchant_alipay",),
        help="alipay-token",
    ),
    Check(
        "merchant_f2f", M, "当面付",
        ("请商户在支付宝商家平台签约「当面付」，约 1 个工作日生效；绑定了口碑门店的不需要。",
         "生效后用门店码付一笔验证。"),
        _MERCHANT + "/alipay?again=1", after=("merchant_alipay",),
        help="alipay-merchant",
    ),
    Check(
        "store_paying", S, "门店收款码",
        ("确认门店在营业、收款码没有停用。", "门店有自己的子商户号时，核对它有没有填错。",
         "用这家门店的收款码付一笔验证。"),
        _MERCHANT + "/stores", after=("merchant_wechat",),
        help="pay-codes",
    ),
)  # fmt: skip
BY_NAME: Final = {check.name: check for check in CHECKS}


def of_scope(scope: Scope) -> tuple[Check, ...]:
    return tuple(check for check in CHECKS if check.scope is scope)
