"""The methods of this group."""

from __future__ import annotations

from services.cloudpay.methods import Method
from services.cloudpay.shops import identity, profile, query, writing

GROUP = "shops"

METHODS: tuple[Method, ...] = (
    Method(
        name="query_sub_mch_shop_info",
        asked=query.QueryAsked,
        told=query.QueryTold,
        run=query.query,
        result="query_shop_info",
        summary=("查询门店、设备和店员", "Shops with their devices and people"),
        group=GROUP,
    ),
    Method(
        name="set_sub_mch_shop_info",
        asked=writing.SetAsked,
        told=writing.SetTold,
        run=writing.write,
        result="set_shop_info",
        summary=("写入门店（可整体替换）", "Writes shops, or replaces them all"),
        group=GROUP,
    ),
    Method(
        name="sdk_query_sub_mch_info",
        asked=profile.ProfileAsked,
        told=profile.ProfileTold,
        run=profile.query,
        result="query_sub_mch_info",
        summary=("查询商户资料（不含密钥）", "The merchant's profile, without any key"),
        group=GROUP,
    ),
    Method(
        name="query_identity_mapping",
        asked=identity.MappingAsked,
        told=identity.MappingTold,
        run=identity.query,
        result="query_identity_mapping",
        summary=("商户号与平台编号的对应", "The wallets' ids and ours"),
        group=GROUP,
    ),
)
