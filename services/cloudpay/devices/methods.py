"""The methods of this group."""

from __future__ import annotations

from services.cloudpay.devices import binding, logins, report, telemetry
from services.cloudpay.methods import Key, Method
from services.cloudpay.structures import NonceOnly

GROUP = "devices"
BIND_INFO = "get_bill_device_bind_info"
QR = "generate_bill_device_bind_qr_code"


def _report(name: str) -> Method:
    return Method(
        name=name,
        asked=report.ReportAsked,
        told=NonceOnly,
        run=report.report,
        result="device_info_report",
        summary=(
            "设备上报：一段时间内的笔数、金额和机器状况" + ("（旧路径）" if "info" in name else ""),
            "A device's report of what it counted and how it is",
        ),
        group=GROUP,
        is_small=True,
    )


METHODS: tuple[Method, ...] = (
    Method(
        name="client_initialize",
        asked=logins.InitializeAsked,
        told=logins.InitializeTold,
        run=logins.initialize,
        result="client_initialize",
        summary=("收银机扫码登录：取二维码", "Till login: the code that the till shows"),
        group=GROUP,
    ),
    Method(
        name="client_try_get_initializers",
        asked=logins.InitializersAsked,
        told=logins.InitializersTold,
        run=logins.try_get_initializers,
        result="client_try_get_initializers",
        summary=("收银机扫码登录：查询谁允许了", "Till login: whether and who let it in"),
        group=GROUP,
    ),
    Method(
        name="upload_client_monitor_info",
        asked=telemetry.MonitorAsked,
        told=telemetry.MonitorTold,
        run=telemetry.upload_monitor,
        result="upload_client_monitor_info",
        summary=("上报收银机的接口耗时和机器信息", "A till's telemetry"),
        group=GROUP,
    ),
    Method(
        name="upload_client_conf_info",
        asked=telemetry.ConfAsked,
        told=NonceOnly,
        run=telemetry.upload_conf,
        result="upload_client_conf_info",
        summary=("上报收银机配置", "A till's configuration"),
        group=GROUP,
    ),
    Method(
        name="unbind_device_sn_code",
        asked=binding.UnbindAsked,
        told=None,
        run=binding.unbind,
        result=None,
        summary=("解绑设备", "Frees a device of its serial number"),
        group=GROUP,
        is_small=True,
    ),
    Method(
        name=QR,
        asked=binding.QrAsked,
        told=binding.QrTold,
        run=binding.generate_qr,
        result=QR,
        also=(f"{QR}_response",),
        summary=("设备取绑定二维码", "What a device shows to be bound"),
        group=GROUP,
        key=Key.DEVICE,
        is_small=True,
    ),
    Method(
        name=BIND_INFO,
        asked=binding.BindInfoAsked,
        told=binding.BindInfoTold,
        run=binding.bind_info,
        result=BIND_INFO,
        also=(f"{BIND_INFO}_response", "bill_device_bind_sn"),
        summary=("设备查询绑定结果", "Whether a device is bound, and to what"),
        group=GROUP,
        key=Key.DEVICE,
        is_small=True,
    ),
    Method(
        name="check_bill_device_bind_info",
        asked=binding.CheckAsked,
        told=None,
        run=binding.check_bind,
        result=None,
        summary=("设备核对绑定和交易密钥", "Whether a device's binding and key are still good"),
        group=GROUP,
        key=Key.DEVICE,
        is_small=True,
    ),
    _report("device_report"),
    _report("device_info_report"),
)
