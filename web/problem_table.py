"""The wording of everything that can stop a payer (design `error-states`, product.md 9).

Each entry says what happened and what to do, in both languages. Braces name a fact; a part in
square brackets is left out when its fact is not known. "没有扣款" stands only where it is certain.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from web.card_problem_table import CARDS
from web.membership_problem_table import MEMBERSHIP
from web.problem_entry import Entry, Wording

_ASK_STAFF_ZH = "或请店员用扫码枪扫你的付款码。"
_ASK_STAFF_EN = "Or let staff scan your payment code."
_SHOW_STAFF_ZH = "仍不成功，把下面的编号给店员看。"
_SHOW_STAFF_EN = "If it fails again, show staff the code below."
_OTHER_ZH = "改用[{other_app}]扫同一个码付款。"
_OTHER_EN = "Scan the same code with[ {other_app}] instead."
_RESCAN_ZH = "重新扫码打开付款页。"
_RESCAN_EN = "Scan the code again to reopen this page."

TABLE: Final[Mapping[str, Entry]] = {
    # the official account (these stand in for WeChat's own error page)
    "OA_SCOPE_DENIED": Entry(
        Wording(
            "商家的公众号授权失效，暂时无法用微信付款",
            ("改用支付宝扫同一个码付款。", _ASK_STAFF_ZH),
            (
                "公众号可能过期未续费（微信错误 10005）：登录公众平台完成年审。",
                "或授权范围缺失：控制台「公众号授权」重新授权，并检查网页授权域名。",
            ),
        ),
        Wording(
            "The shop's WeChat authorisation has lapsed, so WeChat cannot pay here now",
            ("Scan the same code with Alipay instead.", _ASK_STAFF_EN),
            (
                "The official account may have expired (WeChat error 10005): complete its yearly "
                "renewal.",
                "Or a permission is missing: authorise it again in the console and check the "
                "web authorisation domain.",
            ),
        ),
        tell_provider=True,
    ),
    "PROVIDER_OA_NOT_AUTHORIZED": Entry(
        Wording(
            "服务商公众号尚未授权，暂时无法用微信付款",
            ("改用支付宝扫同一个码付款。", _ASK_STAFF_ZH),
            ("在「服务商详情 › 微信支付信息」点击授权。",),
        ),
        Wording(
            "The service provider has not authorised its WeChat account yet",
            ("Scan the same code with Alipay instead.", _ASK_STAFF_EN),
            ("Authorise the account under Provider › WeChat Pay.",),
        ),
        tell_provider=True,
    ),
    "PROVIDER_OA_NOT_VERIFIED": Entry(
        Wording(
            "服务商公众号未认证或认证已过期，暂时无法用微信付款",
            ("改用支付宝扫同一个码付款。", _ASK_STAFF_ZH),
            ("到微信公众平台认证或续费。",),
        ),
        Wording(
            "The service provider's WeChat account is not verified, or verification has expired",
            ("Scan the same code with Alipay instead.", _ASK_STAFF_EN),
            ("Verify or renew the account on the WeChat platform.",),
        ),
        tell_provider=True,
    ),
    "OAUTH_FAILED": Entry(
        Wording("没能从[{app}]确认你的身份", (_RESCAN_ZH, _OTHER_ZH, _SHOW_STAFF_ZH)),
        Wording("[{app} ]could not confirm who you are", (_RESCAN_EN, _OTHER_EN, _SHOW_STAFF_EN)),
    ),
    "OAUTH_STATE": Entry(
        Wording("付款页的登录凭据不匹配", (_RESCAN_ZH, "不要使用别人转发的链接。")),
        Wording(
            "This page's sign-in does not match",
            (_RESCAN_EN, "Do not use a link that someone forwarded."),
        ),
    ),
    "OAUTH_CODE_USED": Entry(
        Wording("这个页面已经打开过，不能再用", (_RESCAN_ZH,)),
        Wording("This page was opened before and cannot be used again", (_RESCAN_EN,)),
        not_charged=False,
    ),
    "PAYER_CHANGED": Entry(
        Wording("付款人与打开页面的人不一致", ("由打开这个页面的人付款，或重新扫码。",)),
        Wording(
            "The payer is not the person who opened this page",
            ("The person who opened it has to pay. Or scan the code again.",),
        ),
        not_charged=False,
    ),
    "PAGE_EXPIRED": Entry(
        Wording("这个付款页打开太久，已失效", (_RESCAN_ZH,)),
        Wording("This page was open too long and has expired", (_RESCAN_EN,)),
        not_charged=False,
    ),
    "BROWSER_UNSUPPORTED": Entry(
        Wording("当前浏览器不能付款", ("用微信或支付宝扫同一个码付款。",)),
        Wording("This browser cannot pay", ("Scan the same code with WeChat or Alipay.",)),
    ),
    # the code
    "PAY_CODE_PROVIDER_MISMATCH": Entry(
        Wording(
            "这个收款码不属于当前服务商",
            ("请店员更换本店最新的收款码。",),
            ("[码上的服务商：{code_provider}，当前：{provider}。]在「门店 › 收款码」重新取码。",),
        ),
        Wording(
            "This code belongs to another service provider",
            ("Ask staff for the shop's current code.",),
            (
                "[On the code: {code_provider}, here: {provider}. ]Get a new one under "
                "Store › Pay codes.",
            ),
        ),
    ),
    "PAY_CODE_UNBOUND": Entry(
        Wording(
            "这个收款码还没有启用",
            ("告诉店员，启用后再扫一次。",),
            ("用微信扫这个码，点「我是店员，绑定这个码」，马上就能付款。",),
        ),
        Wording(
            "This code is not in use yet",
            ("Tell staff, then scan it again.",),
            ("Scan it with WeChat and bind it to your store. It works at once.",),
        ),
    ),
    "PAY_CODE_UNKNOWN": Entry(
        Wording(
            "没有找到这个收款码",
            ("确认扫的是店里的收款码，再扫一次。", "仍不成功，请店员换一个码。"),
        ),
        Wording(
            "We do not know this code",
            ("Check that it is the shop's own code and scan again.", "Or ask staff for another."),
        ),
    ),
    "LINK_INVALID": Entry(
        Wording(
            "付款链接不完整或有误",
            ("请店员重新出示付款链接。",),
            ("检查门店号、金额和单号：金额是整数分，单号以商户的前缀开头。",),
        ),
        Wording(
            "This payment link is incomplete or wrong",
            ("Ask staff for a new link.",),
            ("Check store, amount (whole fen) and number (it begins with the merchant's prefix).",),
        ),
    ),
    "SIGN_INVALID": Entry(
        Wording(
            "付款链接的签名不正确",
            ("请店员重新出示付款链接。", "不要修改链接里的金额或单号。"),
            ("检查接入系统的签名密钥和参数顺序。",),
        ),
        Wording(
            "The signature of this payment link is wrong",
            ("Ask staff for a new link.", "Do not change the amount or number in the link."),
            ("Check the signing key and the order of the parameters.",),
        ),
    ),
    "LINK_EXPIRED": Entry(
        Wording("付款链接已过期", ("请店员重新出示付款链接。",)),
        Wording("This payment link has expired", ("Ask staff for a new one.",)),
        not_charged=False,
    ),
    "NONCE_REUSED": Entry(
        Wording("付款链接已经用过", ("请店员重新出示付款链接。",)),
        Wording("This payment link was used before", ("Ask staff for a new one.",)),
        not_charged=False,
    ),
    # the shop
    "STORE_CLOSED": Entry(
        Wording("门店休息中[，{opens_at} 开始营业]", ("到营业时间再扫同一个码即可。",)),
        Wording(
            "The shop is closed[. It opens at {opens_at}]",
            ("Scan the same code again during opening hours.",),
        ),
    ),
    "STORE_DISABLED": Entry(
        Wording("这家门店已停止收款", ("向店员确认其他付款方式。",)),
        Wording("This shop no longer takes payments here", ("Ask staff how else you can pay.",)),
    ),
    "MERCHANT_DISABLED": Entry(
        Wording(
            "这个商家已停止收款",
            ("向店员确认其他付款方式。",),
            ("联系服务商确认商户状态。",),
        ),
        Wording(
            "This merchant no longer takes payments here",
            ("Ask staff how else you can pay.",),
            ("Ask your service provider about the merchant's state.",),
        ),
    ),
    "PLATFORM_NOT_ENABLED": Entry(
        Wording(
            "商家还没有开通[{wallet}]收款",
            (_OTHER_ZH, _ASK_STAFF_ZH),
            ("联系服务商，为商户开通[{wallet}]。",),
        ),
        Wording(
            "The shop does not take[ {wallet}] yet",
            (_OTHER_EN, _ASK_STAFF_EN),
            ("Ask your service provider to enable[ {wallet}].",),
        ),
    ),
    "ALIPAY_TOKEN_INVALID": Entry(
        Wording(
            "商家的支付宝授权已失效，暂时无法用支付宝付款",
            ("改用微信扫同一个码付款。", _ASK_STAFF_ZH),
            ("商户用支付宝重新扫码授权第三方应用。",),
        ),
        Wording(
            "The shop's Alipay authorisation has lapsed, so Alipay cannot pay here now",
            ("Scan the same code with WeChat instead.", _ASK_STAFF_EN),
            ("The merchant has to authorise the app again with Alipay.",),
        ),
    ),
    # the order
    "ORDER_EXPIRED": Entry(
        Wording("这笔订单已过期[（{at} 失效）]", ("请店员重新出示金额，再扫一次。",)),
        Wording(
            "This order has expired[ (at {at})]",
            ("Ask staff to show the amount again, then scan again.",),
        ),
    ),
    "ORDER_ALREADY_PAID": Entry(
        Wording("这笔订单已经付过了", ("无需再付，查看结果可看到付款详情。",)),
        Wording(
            "This order is already paid", ("You need not pay again. See the result for details.",)
        ),
        not_charged=False,
        see_result=True,
    ),
    "ORDER_CONFLICT": Entry(
        Wording(
            "这个单号已用于另一笔金额",
            ("请店员重新下单，再扫一次。",),
            ("同一单号的金额不能改变，改金额请换新的单号。",),
        ),
        Wording(
            "This order number was used for another amount",
            ("Ask staff for a new order, then scan again.",),
            ("One number keeps one amount. Use a new number for a new amount.",),
        ),
        not_charged=False,
    ),
    # what was typed
    "AMOUNT_TOO_SMALL": Entry(
        Wording("金额至少 {min}", ("请输入[不低于 {min} ]的金额。",)),
        Wording("The amount must be at least {min}", ("Enter a larger amount.",)),
        not_charged=False,
    ),
    "AMOUNT_OVER_LIMIT": Entry(
        Wording("超过单笔上限[ {max}]", ("请分次付款，或请店员调整门店限额。",)),
        Wording(
            "Over the limit[ of {max}] for one payment",
            ("Split the payment, or ask staff to raise the limit.",),
        ),
        not_charged=False,
    ),
    "AMOUNT_INVALID": Entry(
        Wording("金额填写有误", ("请输入数字，最多两位小数，例如 38.50。",)),
        Wording(
            "The amount is not valid",
            ("Enter digits with at most two decimals, such as 38.50.",),
        ),
        not_charged=False,
    ),
    "REMARK_TOO_LONG": Entry(
        Wording("备注太长", ("备注最多约 42 个汉字，请删减后再付。",)),
        Wording("The note is too long", ("Shorten it to 127 characters at most.",)),
        not_charged=False,
    ),
    # the wallet
    "WALLET_REJECTED": Entry(
        Wording(
            "[{wallet}]没有接受这笔付款[：{reason}]",
            ("按[{wallet}]的提示处理后再付一次。", _OTHER_ZH, _SHOW_STAFF_ZH),
        ),
        Wording(
            "[{wallet} ]refused this payment[: {reason}]",
            ("Follow the advice of[ {wallet}] and pay again.", _OTHER_EN, _SHOW_STAFF_EN),
        ),
    ),
    "WALLET_BUSY": Entry(
        Wording("[{wallet}]繁忙，暂时无法发起付款", ("稍等几秒再付一次。", _OTHER_ZH)),
        Wording(
            "[{wallet} ]is busy and cannot start a payment now",
            ("Wait a few seconds and pay again.", _OTHER_EN),
        ),
    ),
    "PAY_PENDING": Entry(
        Wording(
            "正在确认付款结果",
            (
                "请先不要重复付款。",
                "超过 30 秒，请打开[{app}]的账单看这笔是否已扣款。",
                "已扣款，把账单给店员看，不必再付。",
            ),
        ),
        Wording(
            "We are confirming your payment",
            (
                "Please do not pay again yet.",
                "After 30 seconds, check your[ {app}] bill for this payment.",
                "If it is there, show it to staff. You need not pay again.",
            ),
        ),
        not_charged=False,
        see_result=True,
    ),
    "USER_CANCEL": Entry(
        Wording("你已取消付款", ("需要时可以重新付款，金额已为你保留。",)),
        Wording("You cancelled the payment", ("You can pay again. The amount is kept for you.",)),
    ),
    # us and the network
    "SYS_BUSY": Entry(
        Wording("付款人数较多，请稍候", ("页面会自动重试，不必刷新。",)),
        Wording("Many people are paying, one moment", ("This page retries by itself.",)),
        refresh_s=3,
    ),
    "NET_OFFLINE": Entry(
        Wording("网络不通，未发起付款", ("检查手机网络后重试。金额已为你保留。",)),
        Wording(
            "No connection, the payment was not started",
            ("Check your network and try again. The amount is kept for you.",),
        ),
    ),
    "AD_GONE": Entry(
        Wording("这条广告已经下线", ("付款不受影响，可以关闭这个页面。",)),
        Wording("This ad is no longer shown", ("Your payment is not affected. You may leave.",)),
        not_charged=False,
    ),
    "NOT_FOUND": Entry(
        Wording("没有找到这个页面", ("检查链接是否完整，或重新扫码。",)),
        Wording("This page does not exist", ("Check the link, or scan the code again.",)),
        not_charged=False,
    ),
    "CONFLICT": Entry(
        Wording("这笔订单的内容与先前不一致", ("重新扫码，再付一次。",)),
        Wording("This order differs from what it was before", (_RESCAN_EN,)),
        not_charged=False,
    ),
    "INPUT_INVALID": Entry(
        Wording("提交的内容有误", ("返回上一页，重新填写后再试。",)),
        Wording("What was sent is not valid", ("Go back, correct it and try again.",)),
        not_charged=False,
    ),
    "FORBIDDEN": Entry(
        Wording("没有权限", ("换有权限的人来操作。",)),
        Wording("You may not do this", ("Ask somebody who may.",)),
        not_charged=False,
    ),
    "SYS_ERROR": Entry(
        Wording("暂时无法完成，请稍后重试", ("稍等片刻再试一次。", _SHOW_STAFF_ZH)),
        Wording("Something went wrong on our side", ("Try again in a moment.", _SHOW_STAFF_EN)),
        not_charged=False,
    ),
    **CARDS,
    **MEMBERSHIP,
}
