"""What stands against signing in to the console, or against a change in it."""

from __future__ import annotations

from errors import AppError


class SignInRefused(AppError):
    """Account, password or code: which one, nobody is told before the password was right."""

    code = "CONSOLE_SIGN_IN"
    status = 401
    title = "账号或密码不对"


class CodeRefused(AppError):
    code = "CONSOLE_CODE"
    status = 401
    title = "动态验证码不对、已用过或已过期"
    steps = ("等验证器显示下一个，再输入一次",)


class RecoveryRefused(AppError):
    code = "CONSOLE_RECOVERY"
    status = 401
    title = "恢复码不对或已用过"
    steps = ("每个恢复码只能用一次，换一个再试",)


class AccountLocked(AppError):
    code = "CONSOLE_LOCKED"
    status = 429
    title = "试错太多次，账号暂时锁定"


class TooManyTries(AppError):
    """From one address, or from everywhere together; whoever signed in here lately goes on."""

    code = "CONSOLE_TRIES"
    status = 429
    title = "登录失败的次数太多，暂停一会儿"


class ConfirmNeeded(AppError):
    """A change that wants a fresh code of the second factor."""

    code = "CONSOLE_CONFIRM"
    status = 403
    title = "这一步要再输入一次动态验证码"


class SetUpOver(AppError):
    code = "CONSOLE_SET_UP_OVER"
    status = 410
    title = "这个设置链接已用过、作废或过期"
    steps = ("请管理员在「账号」里重新生成一个，24 小时内打开",)


class PasswordWeak(AppError):
    code = "CONSOLE_PASSWORD_WEAK"
    status = 422
    title = "密码太短或太好猜"


class PasswordWrong(AppError):
    code = "CONSOLE_PASSWORD_WRONG"
    status = 422
    title = "现在的密码不对"


class UsernameUnfit(AppError):
    code = "CONSOLE_USERNAME"
    status = 422
    title = "账号为 3 到 64 位小写字母、数字或 . _ @ -"


class NameMissing(AppError):
    code = "CONSOLE_NAME"
    status = 422
    title = "填写这个人的姓名，32 字以内"


class RoleUnfit(AppError):
    code = "CONSOLE_ROLE"
    status = 422
    title = "选一个角色"


class AlreadyMember(AppError):
    code = "CONSOLE_MEMBER_EXISTS"
    status = 409
    title = "这个账号已经在本服务商"
    steps = ("在账号列表里找到它；停用的可以重新启用",)


class LastAdmin(AppError):
    """Nobody is left who may give rights: product ROL-3, for the console."""

    code = "LAST_ADMIN"
    status = 409
    title = "这是最后一位管理员"
    steps = ("先添加另一位管理员，等他设置好密码和验证器，再改这一位",)


class NotYourself(AppError):
    """Product ROL-2, for the console."""

    code = "NOT_YOURSELF"
    status = 409
    title = "不能停用自己，也不能改自己的角色"
    steps = ("请另一位管理员来操作",)


class AccountElsewhere(AppError):
    """Whoever resets an account comes in as it: not where it works for others, too."""

    code = "CONSOLE_ELSEWHERE"
    status = 409
    title = "这个账号还属于别的服务商，不能在这里重设"
    steps = (
        "让本人用恢复码登录后自己重设",
        "恢复码也没有了，请部署者在服务器上运行 flask console reset-second-factor",
    )
