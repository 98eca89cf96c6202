"""What stands against an application, in words for the console."""

from __future__ import annotations

from errors import BadInput, Conflict, NotFound


class FieldWrong(BadInput):
    code = "APPLICATION_FIELD"
    title = "有一项填写有误"
    money = ""


class PictureWrong(BadInput):
    code = "APPLICATION_PICTURE"
    title = "图片不能用"
    steps = ("换一张清晰的 JPG、PNG 或 BMP 照片，8 MB 以内。",)
    money = ""


class ApplicationChanged(Conflict):
    """Somebody else saved it in between: what was typed is still in the form."""

    code = "APPLICATION_CHANGED"
    title = "这份申请刚被别人改过，你的修改还没有保存"
    steps = ("看清现在的内容，再保存一次就以你的为准。",)
    money = ""


class ApplicationClosed(Conflict):
    code = "APPLICATION_CLOSED"
    title = "这份申请现在不能修改"
    steps = ("等微信审核出结果；被驳回后可以修改再交。",)
    money = ""


class ApplicationIncomplete(Conflict):
    code = "APPLICATION_INCOMPLETE"
    title = "还有内容没有填好"
    steps = ("按标出的步骤补齐，再提交。",)
    money = ""


class NoApplication(NotFound):
    title = "没有找到这份申请"
    steps = ("返回进件列表再选一次。",)
    money = ""
