"""What binding a device says no to, by code (product 9). Nothing was changed."""

from __future__ import annotations

from errors import AppError

BOUND = "该设备已被绑定，请使用原有设备号或者联系管理员解绑设备"


class DeviceRefused(AppError):
    code = "DEVICE_INVALID"
    status = 400
    title = "填写的内容有误"
    steps: tuple[str, ...] = ("按提示改好再提交。",)


class DeviceUnknown(DeviceRefused):
    code = "DEVICE_UNKNOWN"
    status = 404
    title = "没有找到这台设备"
    steps = ("返回设备列表重新选择。",)


class DeviceIdTaken(DeviceRefused):
    code = "DEVICE_ID_TAKEN"
    status = 409
    title = "这家门店已有这个设备号"
    steps = ("换一个设备号：两台机器共用一个设备号，订单号会重复。",)


class DeviceBound(DeviceRefused):
    """3214 of the API: at another serial number, or the number at another device."""

    code = "DEVICE_BOUND"
    status = 409
    title = BOUND
    steps = ("用原来的机器重新绑定，或由商户管理员解绑。",)


class DeviceUnbound(DeviceRefused):
    """3215 of the API."""

    code = "DEVICE_UNBOUND"
    status = 409
    title = "该设备没有绑定机器"
    steps = ("在商户后台的设备页生成配置二维码。",)


class DeviceQrExpired(DeviceRefused):
    code = "DEVICE_QR_EXPIRED"
    status = 409
    title = "配置二维码无效或已过期"
    steps = ("重新生成一个二维码，在有效期内扫码。",)


class DeviceQrForeign(DeviceRefused):
    code = "DEVICE_QR_FOREIGN"
    status = 409
    title = "非法二维码"
    steps = ("让机器重新显示绑定二维码再扫。", "小绿盒只能在微信收款商业版小程序中绑定。")


class DeviceType(DeviceRefused):
    code = "DEVICE_TYPE"
    status = 409
    title = "设备类型不符"
    steps = ("新建一台类型正确的设备。",)


class DeviceStopped(DeviceRefused):
    code = "DEVICE_STOPPED"
    status = 409
    title = "商户或门店已停用，不能绑定设备"
    steps = ("联系服务商恢复。",)


class TillLoginOver(DeviceRefused):
    code = "TILL_LOGIN_OVER"
    status = 404
    title = "登录二维码无效或已过期"
    steps = ("在收银台上重新显示登录二维码再扫。",)
