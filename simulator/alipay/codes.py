"""Result codes of gateway.do and their texts. Source: alipay.md 1.5, 4.9 and 4.10."""

from __future__ import annotations

MESSAGES = {
    "10000": "Success",
    "10003": " order success pay inprocess",  # the leading blank is real
    "20000": "Service Currently Unavailable",
    "20001": "Insufficient Token Permissions",
    "40001": "Missing Required Arguments",
    "40002": "Invalid Arguments",
    "40003": "Insufficient Conditions",
    "40004": "Business Failed",
    "40005": "Call Limited",
    "40006": "Insufficient Permissions",
}

_UNKNOWN = {
    "isp.unknow-error": "服务暂不可用（业务系统不可用）",
    "aop.unknow-error": "服务暂不可用（网关自身的未知错误）",
    "aop.ACQ.SYSTEM_ERROR": "系统异常",
}
_TOKEN = {
    "aop.invalid-auth-token": "无效的访问令牌",
    "aop.auth-token-time-out": "访问令牌已过期",
    "aop.invalid-app-auth-token": "无效的应用授权令牌",
    "aop.invalid-app-auth-token-no-api": "商户未授权当前接口",
    "aop.app-auth-token-time-out": "应用授权令牌已过期",
    "aop.no-product-reg-by-partner": "商户未签约任何产品",
}
_MISSING = {
    "isv.missing-method": "缺少方法名参数",
    "isv.missing-signature": "缺少签名参数",
    "isv.missing-signature-type": "缺少签名类型参数",
    "isv.missing-signature-key": "缺少签名配置",
    "isv.missing-app-id": "缺少appId参数",
    "isv.missing-timestamp": "缺少时间戳参数",
    "isv.missing-version": "缺少版本参数",
    "isv.decryption-error-missing-encrypt-type": "解密出错, 未指定加密算法",
}
_INVALID = {
    "isv.invalid-parameter": "参数无效",
    "isv.invalid-method": "不存在的方法名",
    "isv.invalid-format": "无效的数据格式",
    "isv.invalid-signature": "无效签名",
    "isv.invalid-signature-type": "无效的签名类型",
    "isv.invalid-token": "无效的令牌",
    "isv.invalid-encrypt-type": "无效的加密类型",
    "isv.invalid-encrypt": "加密异常",
    "isv.invalid-app-id": "无效的appId参数",
    "isv.invalid-timestamp": "非法的时间戳参数",
    "isv.invalid-charset": "字符集错误",
    "isv.invalid-digest": "摘要错误",
    "isv.invalid-file-extension": "文件扩展名无效",
    "isv.invalid-file-size": "文件大小无效",
    "isv.invalid-auth-relations": "无效的授权关系",
    "isv.upload-fail": "文件上传失败",
    "isv.code-invalid": "授权码code无效",
    "isv.grant-type-invalid": "授权类型无效",
    "isv.refresh-token-invalid": "刷新令牌无效",
    "isv.refresh-token-time-out": "刷新令牌已过期",
    "isv.refreshed-token-invalid": "刷新令牌已被使用",
    "isv.unmatched-app-id": "授权方应用不匹配",
    "isv.missing-signature-config": "验签出错, 未配置对应签名算法的公钥或者证书",
    "isv.not-support-app-auth": "本接口不支持第三方代理调用",
    "isv.suspected-attack": "可疑的攻击请求",
    "isv.forbidden-api": "不允许使用该接口",
    "isv.decryption-error-unknown": "解密出错, 未知错误",
    "isv.decryption-error-not-valid-encrypt-type": "解密出错，未知的加密算法",
    "isv.decryption-error-not-valid-encrypt-key": "解密出错, 未配置加密密钥或加密密钥格式错误",
}
_LIMITED = {
    "isv.app-call-limited": "应用调用次数超限",
    "isv.method-call-limited": "接口调用次数超限",
}
_FORBIDDEN = {
    "isv.insufficient-isv-permissions": "ISV权限不足，建议在开发者中心检查签约是否已经生效",
    "isv.insufficient-user-permissions": "用户权限不足",
    "isv.self-invoke-forbidden": "第三方应用不允许自调用，请携带应用授权令牌",
    "isv.illegal-client-ip": "非法的客户端IP",
    "isv.app-auth-invoke-limit": "应用授权调用受限",
    "isv.app-api-punished": "应用接口被处罚",
}
_BUSINESS = {
    "ACQ.SYSTEM_ERROR": "接口返回错误",
    "ACQ.INVALID_PARAMETER": "参数无效",
    "ACQ.ACCESS_FORBIDDEN": "无权限使用接口",
    "ACQ.EXIST_FORBIDDEN_WORD": "订单信息中包含违禁词",
    "ACQ.PARTNER_ERROR": "应用APP_ID填写错误",
    "ACQ.TOTAL_FEE_EXCEED": "订单总金额超过限额",
    "ACQ.PAYMENT_AUTH_CODE_INVALID": "支付授权码无效",
    "ACQ.CONTEXT_INCONSISTENT": "交易信息被篡改",
    "ACQ.TRADE_HAS_SUCCESS": "交易已被支付",
    "ACQ.TRADE_HAS_CLOSE": "交易已经关闭",
    "ACQ.TRADE_NOT_EXIST": "交易不存在",
    "ACQ.TRADE_HAS_FINISHED": "交易已完结",
    "ACQ.TRADE_STATUS_ERROR": "交易状态非法",
    "ACQ.TRADE_CANCEL_TIME_OUT": "超过撤销时间范围",
    "ACQ.BUYER_NOT_EXIST": "买家不存在",
    "ACQ.BUYER_SELLER_EQUAL": "买卖家不能相同",
    "ACQ.TRADE_BUYER_NOT_MATCH": "交易买家不匹配",
    "ACQ.BUYER_BALANCE_NOT_ENOUGH": "买家余额不足",
    "ACQ.BUYER_BANKCARD_BALANCE_NOT_ENOUGH": "用户银行卡余额不足",
    "ACQ.BUYER_ENABLE_STATUS_FORBID": "买家状态非法",
    "ACQ.PAYMENT_FAIL": "支付失败",
    "ACQ.PULL_MOBILE_CASHIER_FAIL": "唤起移动收银台失败",
    "ACQ.MOBILE_PAYMENT_SWITCH_OFF": "用户的无线支付开关关闭",
    "ACQ.BUYER_PAYMENT_AMOUNT_DAY_LIMIT_ERROR": "买家付款日限额超限",
    "ACQ.BUYER_PAYMENT_AMOUNT_MONTH_LIMIT_ERROR": "买家付款月额度超限",
    "ACQ.BEYOND_PAY_RESTRICTION": "商户收款额度超限",
    "ACQ.BEYOND_PER_RECEIPT_RESTRICTION": "商户收款金额超过月限额",
    "ACQ.SELLER_BEEN_BLOCKED": "商家账号被冻结",
    "ACQ.SELLER_NOT_EXIST": "卖家不存在",
    "ACQ.PAYMENT_REQUEST_HAS_RISK": "支付有风险",
    "ACQ.USER_FACE_PAYMENT_SWITCH_OFF": "用户当面付付款开关关闭",
    "ACQ.INVALID_STORE_ID": "商户门店编号无效",
    "ACQ.NOW_TIME_AFTER_EXPIRE_TIME_ERROR": "当前时间已超过允许支付的时间",
    "ACQ.UNBOUND_APPLICATION": "应用未绑定",
    "ACQ.SELLER_BALANCE_NOT_ENOUGH": "商户的支付宝账户中无足够的资金进行撤销",
    "ACQ.REASON_TRADE_BEEN_FREEZEN": "当前交易被冻结，不允许进行撤销",
    "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL": "退款金额超限",
    "ACQ.DISCORDANT_REPEAT_REQUEST": "不一致的请求",
    "ACQ.REASON_TRADE_REFUND_FEE_ERR": "退款金额无效",
    "ACQ.TRADE_NOT_ALLOW_REFUND": "当前交易不允许退款",
    "ACQ.REFUND_FEE_ERROR": "交易退款金额有误",
    "ACQ.AUTH_NO_ERROR": "预授权号错误",
    "ACQ.AUTH_AMOUNT_NOT_ENOUGH": "授权金额不足",
    "ACQ.AUTH_ORDER_NOT_PAID": "授权订单未支付",
    "ACQ.AUTH_ORDER_HAS_FINISHED": "授权订单已完结",
    "ACQ.AUTH_ORDER_HAS_CLOSED": "授权订单已关闭",
    "ACQ.PRE_AUTH_PROD_CODE_INCONSISTENT": "预授权产品码不一致",
    "ILLEGAL_PARAM": "参数非法",
    "AUTH_TOKEN_NOT_EXISTED": "授权令牌不存在",
    "AUTH_TOKEN_NOT_CONSISTENT": "授权令牌与应用不一致",
}
_FUND = {
    "SYSTEM_ERROR": "系统繁忙",
    "ILLEGAL_ARGUMENT": "参数有误",
    "ACCESS_FORBIDDEN": "没有权限使用该产品",
    "UNIQUE_VIOLATION": "违反唯一性约束",
    "PAYMENT_AUTH_CODE_INVALID": "支付授权码无效",
    "MONEY_NOT_ENOUGH": "用户资金不足",
    "ORDER_ALREADY_CLOSED": "授权订单已经关闭，无法再进行资金操作",
    "ORDER_ALREADY_FINISH": "授权订单已经完结，无法再进行资金操作",
    "FREEZE_ALREADY_SUCCESS": "冻结已成功，不能重复冻结",
    "PAYER_NOT_EXIST": "付款方不存在或不匹配",
    "PAYER_USER_STATUS_LIMIT": "付款方用户状态异常",
    "PAYEE_NOT_EXIST": "收款方不存在",
    "PAYEE_USER_STATUS_LIMIT": "收款方用户状态异常",
    "PAYER_PAYEE_EQUAL": "付款方与收款方不能相同",
    "PULL_MOBILE_CASHIER_FAIL": "唤起移动收银台失败",
    "ERROR_BALANCE_PAYMENT_DISABLE": "余额支付功能关闭",
    "NO_PAYMENT_INSTRUMENTS_AVAILABLE": "没有可用的支付工具",
    "AUTH_ORDER_NOT_EXIST": "支付宝资金授权订单不存在",
    "AUTH_OPERATION_NOT_EXIST": "支付宝资金操作流水不存在",
    "REQUEST_AMOUNT_EXCEED": "请求操作金额超限",
    "ILLEGAL_STATUS": "状态非法",
    "BIZ_ERROR": "业务处理失败",
    "CANCEL_OPERATION_TIME_OUT": "超过撤销时间范围",
    "HAS_NO_PRIVILEGE": "没有权限查询该授权订单",
}
_FAMILIES = {
    "20000": _UNKNOWN,
    "20001": _TOKEN,
    "40001": _MISSING,
    "40002": _INVALID,
    "40005": _LIMITED,
    "40006": _FORBIDDEN,
    "40004": _BUSINESS | _FUND,
}
CODES = {sub: code for code, family in _FAMILIES.items() for sub in family}
TEXTS = {sub: text for family in _FAMILIES.values() for sub, text in family.items()}


class Refusal(Exception):
    """A definite answer other than success. `is_signed` is False for early failures (1.4)."""

    def __init__(self, sub_code: str, sub_msg: str = "", *, is_signed: bool = True) -> None:
        super().__init__(sub_code)
        self.sub_code = sub_code
        self.code = CODES.get(sub_code, "40004")
        self.sub_msg = sub_msg or TEXTS.get(sub_code, sub_code)
        self.is_signed = is_signed

    def node(self) -> dict[str, str]:
        return {
            "code": self.code,
            "msg": MESSAGES[self.code],
            "sub_code": self.sub_code,
            "sub_msg": self.sub_msg,
        }
