"""Who exists upstream: demo provider, its merchants, people's phones. Test data only."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class WechatMerchant:
    """A sub-merchant (特约商户) of a service provider at WeChat Pay."""

    sub_mchid: str
    name: str
    sub_appids: tuple[str, ...] = ()
    products: frozenset[str] = frozenset({"jsapi", "native", "h5", "app", "micropay"})
    punished: bool = False
    oa_secret: str = ""  # of the merchant's own official account, its first sub_appid


@dataclass
class WechatProvider:
    sp_mchid: str
    name: str
    appids: tuple[str, ...]
    oa_secret: str
    apiv3_key: str
    apiv2_key: str
    serial: str  # of the provider's API certificate, 40 hex
    public_key_id: str
    merchants: dict[str, WechatMerchant]
    oauth_domains: tuple[str, ...] = ("127.0.0.1", "localhost")
    pay_directories: tuple[
        str, ...
    ] = ()  # full URL prefixes ending in "/"; empty: DEFAULT_DIRECTORIES below
    oa_page_error: str = ""  # "10005" makes the OAuth page answer that error


@dataclass(frozen=True)
class AlipayShop:
    """口碑门店: a shop of a merchant at Alipay."""

    shop_id: str
    name: str
    branch: str
    address: str


@dataclass
class AlipayMerchant:
    """A merchant's Alipay account with its grant to the ISV app."""

    pid: str  # 2088…
    auth_app_id: str
    app_auth_token: str
    name: str
    token_state: str = "valid"  # valid, invalid, expired, no_api
    products: frozenset[str] = frozenset({"f2f", "wap", "preauth"})
    shops: tuple[AlipayShop, ...] = ()
    is_granted: bool = True  # False: it consents to the app in the course of a test or a demo


@dataclass
class AlipayApp:
    app_id: str
    pid: str  # the provider's own PID
    name: str
    merchants: dict[str, AlipayMerchant]  # by app_auth_token
    oauth_redirects: tuple[str, ...] = ()  # URL prefixes; empty: any loopback address


@dataclass
class Person:
    """A phone with both wallets. openids differ by appid, as upstream."""

    key: str
    name: str
    alipay_user_id: str
    alipay_login: str
    wechat_seed: str = field(repr=False, default="")
    is_listed: bool = True  # the phone page offers this person


PAY_PATHS = ("/q/", "/card/", "/cpay/")  # below the product's own address, see the phone page

WECHAT = {
    p.sp_mchid: p
    for p in (
        WechatProvider(
            sp_mchid="1900000001",
            name="青禾服务商",
            appids=("wx8888888888888888",),
            oa_secret="sim0a5ecret0a5ecret0a5ecret0a5ec",
            apiv3_key="SimApiV3Key0123456789abcdefghijk",
            apiv2_key="SimApiV2Key0123456789abcdefghijk",
            serial="3775B6A45ACD588826D15E583A95F5DD1EA55A01",
            public_key_id="PUB_KEY_ID_0119000000012026112200000000000001",
            merchants={
                m.sub_mchid: m
                for m in (
                    WechatMerchant(
                        "1900000109",
                        "青禾茶事",
                        ("wxd678efh567hg6999",),
                        oa_secret="simsub0a5ecret0a5ecret0a5ecret01",
                    ),
                    WechatMerchant("1900000117", "南窗面馆"),
                    WechatMerchant("1900000125", "山雀咖啡"),
                    WechatMerchant("1900000133", "停业杂货", products=frozenset()),
                    WechatMerchant("1900000141", "受限超市", punished=True),
                )
            },
        ),
        WechatProvider(
            sp_mchid="1900000501",
            name="别家服务商",
            appids=("wx7777777777777777",),
            oa_secret="sim0therse cret0a5ecret0a5ecret".replace(" ", ""),
            apiv3_key="SimOtherV3Key0123456789abcdefghi",
            apiv2_key="SimOtherV2Key0123456789abcdefghi",
            serial="5D2B6A45ACD588826D15E583A95F5DD1EA55A077",
            public_key_id="PUB_KEY_ID_0119000005012026112200000000000001",
            merchants={"1900000508": WechatMerchant("1900000508", "别家小店")},
        ),
    )
}

ALIPAY = {
    a.app_id: a
    for a in (
        AlipayApp(
            app_id="2021000000000001",
            pid="2088000000000001",
            name="青禾服务商",
            merchants={
                m.app_auth_token: m
                for m in (
                    AlipayMerchant(
                        "2088000000000109",
                        "2021000000000109",
                        "202611BBsimtokenqinghe0109",
                        "青禾茶事",
                        shops=(
                            AlipayShop("2026112100001", "青禾茶事", "湖滨店", "杭州市湖滨路 18 号"),
                            AlipayShop(
                                "2026112100002", "青禾茶事", "东坡路店", "杭州市东坡路 6 号"
                            ),
                            AlipayShop("2026112100003", "青禾茶事", "西溪店", "杭州市文二西路"),
                        ),
                    ),
                    AlipayMerchant(
                        "2088000000000117",
                        "2021000000000117",
                        "202611BBsimtokennanchuang17",
                        "南窗面馆",
                    ),
                    AlipayMerchant(
                        "2088000000000125",
                        "2021000000000125",
                        "202611BBsimtokenshanque0125",
                        "山雀咖啡",
                    ),
                    AlipayMerchant(
                        "2088000000000133",
                        "2021000000000133",
                        "202611BBsimtokenchengua133",
                        "晨光早点",
                        is_granted=False,
                    ),
                    AlipayMerchant(
                        "2088000000000141",
                        "2021000000000141",
                        "202611BBsimtokenshouxian41",
                        "湖畔商贸",
                        is_granted=False,
                    ),
                )
            },
        ),
        AlipayApp(
            app_id="2021000000000501",
            pid="2088000000000501",
            name="别家服务商",
            merchants={
                "202611BBsimtokenother00508": AlipayMerchant(
                    "2088000000000508", "2021000000000508", "202611BBsimtokenother00508", "别家小店"
                )
            },
        ),
    )
}

PEOPLE = {
    p.key: p
    for p in (
        Person("lin", "林晓", "2088102000000001", "lin***@sim.test", "s1"),
        Person("zhou", "周航", "2088102000000002", "138****0002", "s2"),
        Person("chen", "陈默", "2088102000000003", "139****0003", "s3"),
        # A queue of customers for tests: p01 to p24.
        *(
            Person(
                f"p{n:02d}",
                f"顾客{n:02d}",
                f"20881020000001{n:02d}",
                f"p{n:02d}***@sim.test",
                f"p{n}",
                is_listed=False,
            )
            for n in range(1, 25)
        ),
    )
}
