"""Errors that people and programs may see: a stable code, an HTTP status, words for a person."""

from __future__ import annotations


class AppError(Exception):
    """The root of every error with words for a person.

    `code` is stable and also stands in the log; `title` says what happened, `steps` what to do.
    `money` is the sentence about money, printed only where it is certain (design README 4).
    """

    code = "SYS_ERROR"
    status = 500
    title = "暂时无法完成，请稍后重试"
    steps: tuple[str, ...] = ("稍等片刻再试一次。", "仍不成功，请把下面的编号给店员看。")
    money = ""

    def __init__(self, detail: str = "", **facts: object) -> None:
        super().__init__(detail or self.title)
        self.detail = detail
        self.facts = facts


class NotFound(AppError):
    code = "NOT_FOUND"
    status = 404
    title = "没有找到这个页面"
    steps: tuple[str, ...] = ("检查链接是否完整，或重新扫码。",)
    money = "没有扣款。"


class BadInput(AppError):
    code = "INPUT_INVALID"
    status = 400
    title = "提交的内容有误"
    steps: tuple[str, ...] = ("返回上一页，重新填写后再试。",)
    money = "没有扣款。"


class Conflict(AppError):
    code = "CONFLICT"
    status = 409
    title = "这笔订单的内容与先前不一致"
    steps: tuple[str, ...] = ("重新扫码，再付一次。",)
    money = "没有扣款。"


class Forbidden(AppError):
    code = "FORBIDDEN"
    status = 403
    title = "没有权限"
    steps: tuple[str, ...] = ("换有权限的人来操作。",)


class GatewayRejected(AppError):
    """A definite no from a wallet: nothing happened there; `upstream_code` is its own code."""

    code = "WALLET_REJECTED"
    status = 422
    title = "钱包没有接受这笔付款"
    money = "没有扣款。"

    def __init__(self, upstream_code: str, upstream_message: str = "", **facts: object) -> None:
        super().__init__(f"{upstream_code}: {upstream_message}", **facts)
        self.upstream_code = upstream_code
        self.upstream_message = upstream_message


class NotEnough(GatewayRejected):
    """The merchant's balance at the wallet does not cover a refund; the same number after topping
    up is the cure."""

    code = "REFUND_BALANCE"
    title = "商户余额不足，可能已自动提现"
    steps: tuple[str, ...] = ("查看商户在钱包的余额。", "充值后用原退款单号重试。")


class GatewayUnknown(AppError):
    """No answer that decides (timeout, 5xx, a wrong signature on it): money may have moved."""

    code = "PAY_PENDING"
    status = 502
    title = "正在确认付款结果"
    steps: tuple[str, ...] = ("请先不要重复付款，稍后查看结果。",)


class NotifyInvalid(AppError):
    """A notification that must not be believed: its signature, freshness or cipher is wrong."""

    code = "NOTIFY_INVALID"
    status = 401
    title = "通知验签失败"
    steps: tuple[str, ...] = ()


class CallbackAddress(AppError):
    """An address that is not called: `detail` says why, in words for whoever set it."""

    code = "CALLBACK_ADDRESS"
    status = 400
    title = "回调地址不可用"
    steps: tuple[str, ...] = ("填写公网可访问的 https 地址。",)
