"""What the actions of the audit log are called on pages; one without a name shows its own word."""

from __future__ import annotations

from typing import Final

WORDS: Final = {
    "console_signed_in": "登录控制台",
    "console_locked": "账号因试错被锁",
    "console_set_up": "设置密码和验证器",
    "console_password_changed": "改密码",
    "console_second_factor_changed": "换验证器",
    "console_recovery_renewed": "换恢复码",
    "console_session_ended": "结束一个登录",
    "console_sessions_ended": "结束全部登录",
    "console_member_added": "添加账号",
    "console_member_invited": "邀请已有账号",
    "console_member_accepted": "接受邀请",
    "console_member_declined": "拒绝邀请",
    "console_member_on": "启用账号",
    "console_member_off": "停用账号",
    "console_role_set": "改角色",
    "console_account_reset": "重设账号",
    "console_second_factor_reset": "命令行重设账号",
    "console_unlocked": "命令行解锁账号",
    "audit_exported": "导出日志",
    "page_denied": "越权操作被拒",
    "figures_exported": "导出统计",
    "orders_exported": "导出订单",
    "file_exported": "导出文件",
    "personal_looked_at": "查看完整手机号",
    "person_exported": "导出个人数据",
    "person_erased": "删除个人数据",
    "refund_asked": "发起退款",
    "refund_denied": "退款被拒",
    "refund_retried": "重试退款",
    "refund_adopted": "补记退款",
    "order_synced": "向钱包查询订单",
    "order_closed": "订单关闭",
    "order_paid_late": "关单后到账",
    "order_adopted": "补记订单",
    "order_followed_up": "支付后处理",
    "code_payment_cancelled": "撤销付款码收款",
    "case_closed": "关闭异常",
    "staff_removed": "停用店员",
    "role_entered": "进入身份",
    "store_deleted": "删除门店",
    "store_cards_on": "门店启用会员卡",
    "merchant_added": "添加商户",
    "merchant_moved": "商户换子服务商",
    "merchant_alipay_set": "设置商户支付宝",
    "merchant_alipay_cleared": "清除商户支付宝",
    "merchants_synced": "同步商户",
    "job_stopped": "停止任务",
    "callback_dead": "回调停止重试",
    "oa_unauthorised": "公众号取消授权",
}


def action_words(action: str) -> str:
    return WORDS.get(action, action)
