"""What stands against an ad, its picture, or the page after payment: words for the field."""

from __future__ import annotations

from errors import AppError


class PictureType(AppError):
    code = "AD_IMAGE_TYPE"
    status = 422
    title = "这不是 JPG、PNG 或 WebP 图片"
    steps = ("导出成 JPG 或 PNG 再传。", "SVG、GIF、网页和改了扩展名的文件都不收。")


class PictureSize(AppError):
    code = "AD_IMAGE_SIZE"
    status = 422
    title = "图片太大"
    steps = ("导出成 700×300 像素的 JPG 再传。",)


class PictureShape(AppError):
    code = "AD_IMAGE_SHAPE"
    status = 422
    title = "图片要 700×300 像素，或同样比例的更大图"


class PictureBroken(AppError):
    code = "AD_IMAGE_BROKEN"
    status = 422
    title = "图片打不开，可能没有传完整"
    steps = ("重新导出，再传一次。",)


class PictureMissing(AppError):
    code = "AD_IMAGE_MISSING"
    status = 422
    title = "还没有选图片"


class AdName(AppError):
    code = "AD_NAME"
    status = 422
    title = "名称要 1 到 40 个字"


class AdLink(AppError):
    code = "AD_LINK"
    status = 422
    title = "链接要以 https 开头"


class AdPlace(AppError):
    code = "AD_PLACE"
    status = 422
    title = "没有找到这个商户、门店或收款码"


class AdDates(AppError):
    code = "AD_DATES"
    status = 422
    title = "日期写成 2026-11-21 这样"


class AdNumber(AppError):
    code = "AD_NUMBER"
    status = 422
    title = "填 1 到 100 的整数"


class AdChanged(AppError):
    """Somebody else was faster: nothing was changed."""

    code = "AD_CHANGED"
    status = 409
    title = "别人刚改过这里"
    steps = ("你填的还在下面。先看新的内容，再决定要不要保存。",)


class AdDecided(AppError):
    code = "AD_DECIDED"
    status = 409
    title = "这一版已经处理过，或有了更新的一版"
    steps = ("刷新页面，看最新的一版。",)


class CompleteUrl(AppError):
    code = "COMPLETE_PAGE_URL"
    status = 422
    title = "完成页要是 https 网址"


class PageTryFailed(AppError):
    """The test of a complete page: nothing is changed by it."""

    code = "COMPLETE_PAGE_FAILED"
    status = 422
    title = "完成页没有正常打开"
