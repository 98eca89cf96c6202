"""What the people's pages say no to, by code. These pages are Chinese alone."""

from __future__ import annotations

from errors import AppError


class PeopleRefused(AppError):
    """Nothing was changed."""

    status = 409


class SignInStale(PeopleRefused):
    code = "SIGN_IN_STALE"
    status = 400
    title = "这次登录已经失效"
    steps = (
        "回到公众号，重新点菜单「商户后台」。",
        "从别人转发的登录链接进不来，请自己从公众号进入。",
    )


class SignInFailed(PeopleRefused):
    code = "SIGN_IN_FAILED"
    status = 502
    title = "微信没有确认你的身份"
    steps = ("回到公众号，重新点菜单「商户后台」。", "仍不成功，请服务商检查公众号授权。")


class AccountUnusable(PeopleRefused):
    """The official account cannot tell who somebody is (product OA-5, OA-6, ACT-6)."""

    code = "SIGN_IN_ACCOUNT"
    title = "公众号的授权有问题，暂时无法登录"
    steps = (
        "请服务商登录公众平台，看公众号认证是否过期：过期就续费年审。",
        "认证有效的，请服务商重新授权公众号，并勾选网页服务权限。",
    )


class RoleUnknown(PeopleRefused):
    code = "ROLE_UNKNOWN"
    status = 404
    title = "没有这个身份"
    steps = ("返回重新选择；身份可能刚被停用。",)


class PersonUnknown(PeopleRefused):
    code = "PERSON_UNKNOWN"
    status = 404
    title = "没有找到这位店员"
    steps = ("返回店员列表重新选择。",)


class PersonInvalid(PeopleRefused):
    code = "PERSON_INVALID"
    status = 400
    title = "填写的内容有误"
    steps = ("按提示改好再提交。",)


class NumberTaken(PeopleRefused):
    code = "PERSON_NUMBER_TAKEN"
    title = "这个店员编号已有人用"
    steps = ("换一个编号。",)


class RightNotOwn(PeopleRefused):
    """ROL-1, ROL-4: nobody gives or takes what he has not."""

    code = "RIGHT_NOT_OWN"
    status = 403
    title = "你没有这项权限，不能给别人或收回"
    steps = ("请有这项权限的管理员来操作。",)


class NotYourself(PeopleRefused):
    """ROL-2."""

    code = "NOT_YOURSELF"
    title = "不能停用自己"
    steps = ("请另一位有「管理管理员」权限的管理员来停用。",)


class LastAdmin(PeopleRefused):
    """ROL-3."""

    code = "LAST_ADMIN"
    title = "这是最后一位管理员"
    steps = ("先添加并激活另一位管理员，再停用他。",)


class LastRefunder(PeopleRefused):
    """ROL-3: the last admin who can refund keeps the right."""

    code = "LAST_REFUNDER"
    title = "这是最后一位能退款的管理员"
    steps = ("先给另一位管理员退款权限，再收回或停用。",)


class ActivationUnknown(PeopleRefused):
    code = "ACTIVATION_UNKNOWN"
    status = 404
    title = "激活码不对"
    steps = ("核对六位数字，或重新扫激活二维码。", "激活码可能已作废：请管理员重新生成。")


class ActivationUsed(PeopleRefused):
    code = "ACTIVATION_USED"
    title = "激活码已经用过"
    steps = ("一个激活码只能用一次。", "如果不是你本人激活的，马上请管理员停用这个身份。")


class ActivationOver(PeopleRefused):
    code = "ACTIVATION_OVER"
    title = "激活码已过期或作废"
    steps = ("请管理员重新生成激活码，30 分钟内使用。",)


class ActivationTries(PeopleRefused):
    code = "ACTIVATION_TRIES"
    status = 429
    title = "输错次数太多"
    steps = ("半小时后再试，或直接扫激活二维码。",)


class AlreadyHere(PeopleRefused):
    code = "ALREADY_HERE"
    title = "你在这里已经有身份了"
    steps = ("同一个人在同一家店只有一个身份；要换身份，请管理员先停用原来的。",)


class ShiftOn(PeopleRefused):
    code = "SHIFT_ON"
    title = "你已经在上班了"
    steps = ("要换一个收款码，先下班。",)


class ShiftOff(PeopleRefused):
    code = "SHIFT_OFF"
    title = "你现在没有上班"
    steps = ("刷新页面看一下：可能已经下班了。",)


class ShiftCodeTaken(PeopleRefused):
    code = "SHIFT_CODE_TAKEN"
    title = "这个收款码已有人在上班"
    steps = ("请他先下班，或选别的收款码、整个门店。",)


class ShiftUnknown(PeopleRefused):
    code = "SHIFT_UNKNOWN"
    status = 404
    title = "没有找到这个班次"
    steps = ("返回交接班列表重新选择。",)
