"""What WeChat's words about the Gold Plan mean: the message alone tells refusals apart."""

from __future__ import annotations

import pytest

from gateways.wechat_pay.goldplan import TAGS, Why, why_of
from services.gold_plan.tags import NAMES


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("服务商未开通点金计划", Why.PROVIDER_NOT_OPEN),
        ("服务商处于处罚期", Why.PROVIDER_PUNISHED),
        ("特约商户处于处罚期", Why.MERCHANT_PUNISHED),
        ("该特约商户未开通点金计划", Why.MERCHANT_NOT_OPEN),
        ("该商户不是服务商的特约商户，受理关系不存在", Why.MERCHANT_UNKNOWN),
        ("调用方不是普通服务商或渠道商", Why.CALLER),
        ("服务商未配置商家小票链接", Why.NO_LINK),
        ("关闭点金计划后24小时内不能重新开通", Why.COOLDOWN),
        ("操作过于频繁", Why.TOO_OFTEN),
        ("服务商已默认开通点金计划，不支持单独关闭", Why.MANAGED),
        ("操作失败", Why.OTHER),
    ],
)
def test_the_message_says_which_refusal_it_is(words: str, why: Why) -> None:
    assert why_of("INVALID_REQUEST", words) is why


def test_codes_that_say_it_themselves() -> None:
    assert why_of("MCH_NOT_EXISTS", "商户号不存在") is Why.MERCHANT_UNKNOWN
    assert why_of("PARAM_ERROR", "服务商未开通点金计划") is Why.OTHER


def test_there_are_36_tags_and_each_has_a_name() -> None:
    assert len(TAGS) == len(set(TAGS)) == 36
    assert set(NAMES) == set(TAGS)
    assert len(set(NAMES.values())) == 36
