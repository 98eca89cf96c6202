"""What stands against a change of a merchant, in words for the provider's desk."""

from __future__ import annotations

from errors import AppError, BadInput, Conflict


class MerchantExists(Conflict):
    """子商户已存在: the facts say where (product MCH-6). `url` is its page, where there is one."""

    code = "MERCHANT_EXISTS"
    title = "子商户已存在，没有重复创建"
    money = ""

    def __init__(self, detail: str, *, url: str = "", steps: tuple[str, ...] = ()) -> None:
        super().__init__(detail, url=url)
        self.url, self.steps = url, steps


class SubMerchantWrong(BadInput):
    """WeChat does not know the number, or not below this provider (product MCH-2)."""

    code = "MERCHANT_WX_ID_INVALID"
    title = "微信子商户号有误"
    steps: tuple[str, ...] = (
        "到微信支付商户平台核对子商户号。",
        "确认它已经由这个服务商特约进件。",
    )
    money = ""


class ProviderWrong(BadInput):
    """WeChat refuses the provider itself: no merchant can be checked before that is put right."""

    code = "PROVIDER_WX_INVALID"
    title = "服务商的微信支付配置有误，先修好它再添加商户"
    steps: tuple[str, ...] = ("打开「服务商配置」，按微信的提示更正商户号、密钥或证书。",)
    money = ""


class WechatSilent(AppError):
    code = "MERCHANT_WX_UNCHECKED"
    status = 503
    title = "微信支付没有回答，没有保存"
    steps: tuple[str, ...] = ("稍后再提交一次，填写的内容都还在。",)


class MerchantChanged(Conflict):
    """Somebody else saved it in between: nothing of either is lost (the page shows both)."""

    code = "MERCHANT_CHANGED"
    title = "这家商户刚被别人改过，你的修改还没有保存"
    steps: tuple[str, ...] = ("看清现在的内容，再保存一次就以你的为准。",)
    money = ""

    def __init__(self, detail: str, *, version: int, now: dict[str, str]) -> None:
        super().__init__(detail)
        self.version, self.now = version, now


class MaidanNotOpen(Conflict):
    code = "CHANNEL_MAIDAN_NOT_OPEN"
    title = "该商户号未开通微信买单"
    steps: tuple[str, ...] = ("先在微信开通买单，再同步买单子商户，然后切换渠道。",)
    money = ""


class MaidanStoresBound(Conflict):
    """A 买单 store is bound: the merchant's admin has to undo that first (product CHN-5)."""

    code = "MAIDAN_STORES_BOUND"
    title = "有门店绑定着买单门店"
    steps: tuple[str, ...] = ("先在门店信息里解除绑定。",)
    money = ""


class MerchantRecentTrade(Conflict):
    code = "MERCHANT_RECENT_TRADE"
    title = "近一个月内有交易，不允许删除"
    steps: tuple[str, ...] = ("想马上停止收款，可以停用商户：收款码立即失效，记录不受影响。",)
    money = ""


class MembersHaveMoney(Conflict):
    """What its members have paid in is theirs: first it goes back, then the merchant may go."""

    code = "MERCHANT_CARD_BALANCE"
    title = "会员卡里还有余额，不允许删除"
    steps: tuple[str, ...] = ("先由商户把余额退给会员，或等会员用完。",)
    money = ""


class DepositChannel(Conflict):
    code = "DEPOSIT_CHANNEL"
    title = "买单渠道不支持押金"
    steps: tuple[str, ...] = ("把渠道切换为官方直连。",)
    money = ""


class DepositPermission(Conflict):
    code = "DEPOSIT_PERMISSION"
    title = "未开通押金权限"
    steps: tuple[str, ...] = (
        "服务商进入白名单，邀请商户，商户用证书和操作密码确认。小微商户不能开通。",
    )
    money = ""


class RefundApiPermission(Conflict):
    code = "REFUND_API_PERMISSION"
    title = "未授权服务商 API 退款"
    steps: tuple[str, ...] = ("在微信支付服务商平台邀请商户，商户在商户平台同意。",)
    money = ""


class AccountUseless(BadInput):
    """A store's own account that is the merchant's, or one that belongs to the provider."""

    code = "ACCOUNT_USELESS"
    title = "这个收款账号不能用"
    steps: tuple[str, ...] = ("填写另一个账号，或留空改用商户的账号。",)
    money = ""


class PrefixTaken(Conflict):
    """The prefix, or the beginning of it, is somebody's: whose, nobody is told."""

    code = "ORDER_PREFIX_TAKEN"
    title = "这个订单前缀已经有人用"
    steps: tuple[str, ...] = ("核对收银系统里的前缀；确实要用它，先弄清它现在属于哪家商户。",)
    money = ""


class PrefixFixed(Conflict):
    code = "ORDER_PREFIX_FIXED"
    title = "订单前缀定下后不能更改"
    steps: tuple[str, ...] = ("已有的订单号都以它开头。每家商户最多两个前缀。",)
    money = ""


class AlipayLinkOver(AppError):
    code = "ALIPAY_LINK_OVER"
    status = 410
    title = "授权链接已过期或不完整"
    steps: tuple[str, ...] = ("请服务商在商户页面重新打开授权二维码。",)


class FileRefused(BadInput):
    code = "MERCHANT_FILE"
    title = "这个文件不能导入"
    steps: tuple[str, ...] = ("下载模板，按模板的列填写后再上传。",)
    money = ""
