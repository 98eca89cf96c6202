"""What stands against a change of a pay code, in words for the merchant's people."""

from __future__ import annotations

from errors import AppError


class CodeTaken(AppError):
    code = "CODE_BOUND"
    status = 409
    title = "这个收款码已经绑定"
    steps = ("换一个没有绑定的空码。", "要改绑，先在「门店 › 收款码」里解绑。")


class CodeOfOther(AppError):
    code = "CODE_OF_OTHER_MERCHANT"
    status = 409
    title = "这个收款码属于别的商户，不能绑定"
    steps = ("换一个没有绑定的空码。", "确实是你的码，联系服务商。")


class FirstCode(AppError):
    code = "CODE_IS_FIRST"
    status = 409
    title = "门店的第一个收款码不能解绑"
    steps = ("旧的门店链接也用这个码，解绑后会失效。", "不想再用它收款，可以停用。")


class CodeRefused(AppError):
    """`detail` says why."""

    code = "CODE_REFUSED"
    status = 400
    title = "收款码的内容有误"
    steps = ("返回上一页，修改后再试。",)
