"""What stands against a batch of blank codes, in words for the provider's people."""

from __future__ import annotations

from errors import AppError


class BatchRefused(AppError):
    """`detail` says why."""

    code = "BATCH_REFUSED"
    status = 400
    title = "这批空码的内容有误"
    steps = ("修改后再试。",)


class PackageNotReady(AppError):
    code = "BATCH_NOT_READY"
    status = 409
    title = "这一包还在生成"
    steps = ("等任务完成再下载。",)
