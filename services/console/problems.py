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


class AccountLocked(AppError):
    code = "CONSOLE_LOCKED"
    status = 429
    title = "试错太多次，账号暂时锁定"


class ConfirmNeeded(AppError):
    """A change that wants a fresh code of the second factor."""

    code = "CONSOLE_CONFIRM"
    status = 403
    title = "这一步要再输入一次动态验证码"
