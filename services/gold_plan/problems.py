"""What stands against a switch of the Gold Plan, in words for the console (product GP-7)."""

from __future__ import annotations

from datetime import timedelta

from errors import AppError
from gateways.wechat_pay.goldplan import GoldPlanRefused, Why


class GoldPlanProblem(AppError):
    code = "GP_REFUSED"
    status = 409
    title = "微信没有接受这次操作"
    steps = ("按微信的原话处理后再试。",)


class Cooldown(GoldPlanProblem):
    code = "GP_COOLDOWN"
    title = "关闭后 24 小时内不可再次开通"
    steps = ("等时间到了再开通；这段时间付款不受影响。",)


class FilterCount(GoldPlanProblem):
    code = "GP_FILTER_COUNT"
    status = 422
    title = "同业过滤标签须为 1–3 个"
    steps = ("选 1 到 3 个标签，再保存。",)


class Managed(GoldPlanProblem):
    code = "GP_MANAGED"
    title = "服务商设了默认开通，不能单独关闭一家商户"
    steps = ("在微信支付服务商平台关闭「默认开通」，再来单独关闭。",)


class Unsure(GoldPlanProblem):
    code = "GP_UNSURE"
    status = 502
    title = "微信没有回答，这次操作成没成还不知道"
    steps = ("一分钟后再点一次：重复操作不会有坏处。",)


class Busy(GoldPlanProblem):
    code = "GP_BUSY"
    title = "这家商户的同一项正在等微信回答"
    steps = ("一分钟后再试。",)


class NoSubMerchant(GoldPlanProblem):
    code = "GP_NO_SUB_MERCHANT"
    title = "商户还没有微信子商户号"
    steps = ("先在商户资料里填写微信子商户号。",)


class ProviderNotOpen(GoldPlanProblem):
    code = "GP_PROVIDER_NOT_OPEN"
    title = "服务商还没有开通点金计划"
    steps = ("登录微信支付服务商平台，在「服务商功能 → 点金计划」里开通。",)


class NoLink(GoldPlanProblem):
    code = "GP_NO_LINK"
    title = "服务商还没有配置商家小票链接"
    steps = ("把本页右侧的小票链接填到微信支付服务商平台的点金计划里，再打开商家小票。",)


class ProviderPunished(GoldPlanProblem):
    code = "GP_PROVIDER_PUNISHED"
    title = "服务商正在被微信处罚，点金计划暂时不能操作"
    steps = ("登录微信支付服务商平台查看处罚原因和期限。",)


class MerchantPunished(GoldPlanProblem):
    code = "GP_MERCHANT_PUNISHED"
    title = "这家商户正在被微信处罚，点金计划暂时不能操作"
    steps = ("请商户登录微信支付商户平台查看处罚原因和期限。",)


class MerchantNotOpen(GoldPlanProblem):
    code = "GP_MERCHANT_NOT_OPEN"
    title = "这家商户还没有开通点金计划"
    steps = ("先打开这家商户的点金计划，五分钟后再试。",)


class MerchantUnknown(GoldPlanProblem):
    code = "GP_MERCHANT_UNKNOWN"
    title = "微信不认识这个子商户号，或它不在这个服务商名下"
    steps = ("核对商户资料里的微信子商户号。",)


class CallerRefused(GoldPlanProblem):
    code = "GP_CALLER"
    title = "只有普通服务商和渠道商可以使用点金计划"
    steps = ("从业机构号不能开通；请换普通服务商号。",)


class TooOften(GoldPlanProblem):
    code = "GP_TOO_OFTEN"
    status = 429
    title = "操作太频繁"
    steps = ("过几分钟再试。",)


class ReceiptBlock(GoldPlanProblem):
    code = "GP_RECEIPT_BLOCK"
    status = 422
    title = "小票内容有一项填得不对"
    steps = ("按提示改好再保存。",)


_BY_WHY: dict[Why, type[GoldPlanProblem]] = {
    Why.PROVIDER_NOT_OPEN: ProviderNotOpen,
    Why.NO_LINK: NoLink,
    Why.PROVIDER_PUNISHED: ProviderPunished,
    Why.MERCHANT_PUNISHED: MerchantPunished,
    Why.MERCHANT_NOT_OPEN: MerchantNotOpen,
    Why.MERCHANT_UNKNOWN: MerchantUnknown,
    Why.CALLER: CallerRefused,
    Why.MANAGED: Managed,
    Why.COOLDOWN: Cooldown,
    Why.TOO_OFTEN: TooOften,
}


def problem_of(refused: GoldPlanRefused) -> GoldPlanProblem:
    """WeChat's refusal in our words; its own follow them, whole."""
    kind = _BY_WHY.get(refused.why, GoldPlanProblem)
    said = refused.upstream_message or refused.upstream_code
    return kind(f"{kind.title}。微信的原话：{said}")


def cooldown(left: timedelta) -> Cooldown:
    """With the time that is left, never shorter than it is."""
    return Cooldown(f"{Cooldown.title}（剩余 {left_words(left)}）")


def left_words(left: timedelta) -> str:
    minutes = max(1, -(-int(left.total_seconds()) // 60))
    hours, rest = divmod(minutes, 60)
    return f"{hours} 小时 {rest} 分" if hours else f"{rest} 分"
