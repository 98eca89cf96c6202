"""The 36 trades whose advertisements a merchant may keep away: upstream's spelling, our word."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from gateways.wechat_pay.goldplan import TAGS
from services.gold_plan.problems import FilterCount

NAMES: Final[dict[str, str]] = {
    "E_COMMERCE": "电商", "LOVE_MARRIAGE": "婚恋", "POTOGRAPHY": "摄影", "EDUCATION": "教育",
    "FINANCE": "金融", "TOURISM": "旅游", "SKINCARE": "护肤", "FOOD": "食品", "SPORT": "运动",
    "JEWELRY_WATCH": "珠宝钟表", "HEALTHCARE": "医疗健康", "BUSSINESS": "商务服务",
    "PARENTING": "亲子", "CATERING": "餐饮", "RETAIL": "零售", "SERVICES": "生活服务",
    "LAW": "法律", "ESTATE": "房产", "TRANSPORTATION": "交通运输", "ENERGY_SAVING": "节能环保",
    "SECURITY": "安全安保", "BUILDING_MATERIAL": "建材", "COMMUNICATION": "通讯",
    "MERCHANDISE": "日用百货", "ASSOCIATION": "社团", "COMMUNITY": "社区", "ONLINE_AVR": "网络视听",
    "WE_MEDIA": "自媒体", "CAR": "汽车", "SOFTWARE": "软件", "GAME": "游戏", "CLOTHING": "服饰",
    "INDUSTY": "工业", "AGRICULTURE": "农业", "PUBLISHING_MEDIA": "出版传媒",
    "HOME_DIGITAL": "家电数码",
}  # fmt: skip
MOST: Final = 3


def checked(chosen: Iterable[str]) -> tuple[str, ...]:
    """1 to 3 of the list in its order; FilterCount for any other number, or a word not in it."""
    wanted = set(chosen)
    if not 1 <= len(wanted) <= MOST or not wanted <= set(TAGS):
        raise FilterCount
    return tuple(tag for tag in TAGS if tag in wanted)


def names(tags: Iterable[str]) -> list[str]:
    return [NAMES.get(tag, tag) for tag in tags]
