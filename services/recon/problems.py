"""What stands against finishing a work item."""

from __future__ import annotations

from errors import AppError


class ReasonNeeded(AppError):
    code = "RECON_REASON"
    status = 422
    title = "写明原因才能关闭"
    steps = ("写清钱去了哪里、怎么核实的，以后查账的人会看到。",)


class ItemMoved(AppError):
    """Somebody else, or the worker, was faster."""

    code = "RECON_MOVED"
    status = 409
    title = "这一条刚刚有了变化"
    steps = ("打开这一条，看清现在的状态再处理。",)


class NotVoid(AppError):
    """The wallet knows of it, or nobody may say that it never was."""

    code = "RECON_NOT_VOID"
    status = 409
    title = "不能作废：钱包没有说它不存在"
    steps = ("按钱包的答复处理，或联系钱包客服。",)


class WalletSilent(AppError):
    code = "RECON_SILENT"
    status = 502
    title = "钱包没有答复"
    steps = ("钱可能已经动了，先不要改任何记录。", "过几分钟再问一次；系统也会自己再问。")
