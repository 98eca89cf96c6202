"""What stands against a sync, in words for the console."""

from __future__ import annotations

from errors import AppError, BadInput
from services.longjobs.asking import JobRunning


class SyncRunning(JobRunning):
    """One sync at a time (product SYN-2); `detail` says how far the other is."""

    code = "SYNC_RUNNING"
    title = "同步正在进行"
    steps = ("稍后刷新，或先停止它",)

    def __init__(self, job_id: int, done: int, total: int | None) -> None:
        far = f"（已处理 {done}/{total}）" if total else f"（已处理 {done}）"
        super().__init__(self.title + far, job_id=job_id)
        self.job_id = job_id


class NotLinked(AppError):
    code = "MAIDAN_NOT_LINKED"
    status = 409
    title = "还没有关联买单服务商"
    steps = ("先让买单服务商助手的管理员扫码关联，或改用文件导入",)


class BadList(BadInput):
    """A file that is no list of sub-merchants."""

    code = "MAIDAN_FILE"
    title = "文件不能识别"
    steps = ("用模板的表头，存成 CSV 再上传",)
