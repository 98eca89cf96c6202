"""Who asked, proved by signature; and our own signatures. Source: wechat.md A1, A2."""

from __future__ import annotations

import base64
import re
import secrets
from dataclasses import dataclass
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from simulator import second
from simulator.parties import WechatProvider
from simulator.wechat.errors import BAD_PARAMETER, BAD_SIGNATURE, Refusal
from simulator.world import World

SCHEME = "WECHATPAY2-SHA256-RSA2048"
WINDOW_S = 300
NONCES_KEPT = 200_000
PROBE = "WECHATPAY/SIGNTEST/"
_PAIR = re.compile(r'([a-z_]+)="([^"]*)"')
_WANTED = {"mchid", "nonce_str", "signature", "timestamp", "serial_no"}


@dataclass(frozen=True)
class Asked:
    """A request as it came over the wire."""

    method: str
    target: str  # path and query exactly as sent
    body: bytes
    headers: dict[str, str]  # names in lower case
    is_pay: bool  # /v3/pay/…: checks in another order, 401 without Request-ID


def merchant_key(world: World, provider: WechatProvider, serial: str = "") -> rsa.RSAPrivateKey:
    """The key of the provider's API certificate of this serial number, "" for its first."""
    return second.merchant_key(world, provider, serial or provider.serial)


def public_identity_key(
    world: World, provider: WechatProvider, public_id: str = ""
) -> rsa.RSAPrivateKey:
    """The private half of 微信支付公钥, which only WeChat holds."""
    return second.public_key(world, provider, public_id or provider.public_key_id)


@lru_cache(maxsize=64)
def certificate_serial(pem: str) -> str:
    """40 hex digits, upper case."""
    return f"{x509.load_pem_x509_certificate(pem.encode()).serial_number:040X}"


def platform_serial(world: World, provider: WechatProvider) -> str:
    return certificate_serial(world.platform_certificate(provider.sp_mchid))


def authenticate(world: World, asked: Asked) -> WechatProvider:
    """The provider that signed, or the Refusal of A1's table, in its order of checks."""
    if not asked.is_pay:
        _need_agent(asked)
    said = _parse(asked)
    _check_time(world, asked, said["timestamp"])
    provider = _provider(world, asked, said)
    _check_signature(world, asked, said, provider)
    _use_nonce(world, asked, said)
    if asked.is_pay:
        _need_agent(asked)
    return provider


def sign_error(asked: Asked, message: str) -> Refusal:
    """The 401 of /v3/pay/… has no Request-ID (A0)."""
    return Refusal("SIGN_ERROR", message, None if asked.is_pay else BAD_SIGNATURE)


def _need_agent(asked: Asked) -> None:
    accept = asked.headers.get("accept", "")
    takes_json = any(
        part.split(";")[0].strip() in ("application/json", "application/*", "*/*")
        for part in accept.split(",")
    )
    if not asked.headers.get("user-agent", "").strip() or not takes_json:
        raise Refusal("INVALID_REQUEST", "Http头缺少Accept或User-Agent")


def _parse(asked: Asked) -> dict[str, str]:
    scheme, _, rest = asked.headers.get("authorization", "").partition(" ")
    pairs = rest.split(",")
    matches = [_PAIR.fullmatch(p) for p in pairs]
    said = {m.group(1): m.group(2) for m in matches if m}
    shaped = all(matches) and len(pairs) == len(said) == 5 and set(said) == _WANTED
    if scheme != SCHEME or not shaped or not re.fullmatch(r"[0-9]{1,12}", said["timestamp"]):
        form = "Http头Authorization值格式错误，请参考《微信支付商户REST API签名规则》"
        raise sign_error(asked, "签名信息错误，验签失败" if asked.is_pay else form)
    return said


def _check_time(world: World, asked: Asked, timestamp: str) -> None:
    if abs(world.clock.time() - int(timestamp)) > WINDOW_S:
        text = "Http头Authorization中的timestamp与发起请求的时间不得超过5分钟"
        raise sign_error(asked, text)


def _provider(world: World, asked: Asked, said: dict[str, str]) -> WechatProvider:
    provider = world.wechat.get(said["mchid"])
    serial, state = said["serial_no"].upper(), world.switches.get("wechat.merchant_certificate")
    is_first = provider is not None and serial == provider.serial
    known = () if provider is None else second.merchant_serials(provider)
    if provider is None or serial not in known or (is_first and state == "replaced"):
        text = "商户证书序列号有误。请使用签名私钥匹配的证书序列号"
        raise sign_error(asked, text)
    if is_first and state != "valid":
        expired = "商户证书已过期" if state == "expired" else "商户证书已作废"
        raise sign_error(asked, expired)
    if world.switches.get("wechat.apiv3_key") == "unset":
        raise sign_error(asked, "商户未设置APIv3密钥")
    return provider


def _check_signature(
    world: World, asked: Asked, said: dict[str, str], provider: WechatProvider
) -> None:
    text = b"\n".join(
        (
            asked.method.encode(),
            asked.target.encode("latin-1", "replace"),
            said["timestamp"].encode(),
            said["nonce_str"].encode("latin-1", "replace"),
            asked.body,
            b"",
        )
    )
    if not said["nonce_str"] or len(said["nonce_str"]) > 128:
        raise sign_error(asked, "签名错误")
    key = merchant_key(world, provider, said["serial_no"].upper())
    if not verify(key.public_key(), said["signature"], text):
        raise sign_error(asked, "签名错误")


def _use_nonce(world: World, asked: Asked, said: dict[str, str]) -> None:
    """A nonce serves once while its timestamp is good. Our rule: upstream does not promise it."""
    name, now = f"wechat:{said['mchid']}:{said['nonce_str']}", world.clock.time()
    with world.lock:
        if name in world.nonces and abs(now - world.nonces[name][0]) <= 2 * WINDOW_S:
            raise sign_error(asked, "签名错误，请求随机串重复")
        world.nonces.pop(name, None)
        world.nonces[name] = (now, "")
        while len(world.nonces) > NONCES_KEPT or _oldest(world) < now - 2 * WINDOW_S:
            del world.nonces[next(iter(world.nonces))]


def _oldest(world: World) -> float:
    return next(iter(world.nonces.values()))[0]


def verify(key: rsa.RSAPublicKey, signature: str, text: bytes) -> bool:
    try:
        key.verify(
            base64.b64decode(signature, validate=True), text, padding.PKCS1v15(), hashes.SHA256()
        )
    except (InvalidSignature, ValueError):
        return False
    return True


def answers_with(world: World, provider: WechatProvider, asked: Asked) -> str:
    """The serial that the answer is signed with (A2): the one the caller names, else the
    platform certificate's, or the public key's where there is no platform certificate."""
    named = asked.headers.get("wechatpay-serial", "")
    has_certificate = world.switches.get("wechat.platform_certificate") == "on"
    public = second.public_ids(world, provider)
    if named in public:
        return named
    if named and not (has_certificate and named.upper() == platform_serial(world, provider)):
        raise Refusal("PARAM_ERROR", "平台证书序列号Wechatpay-Serial错误", BAD_PARAMETER)
    return platform_serial(world, provider) if has_certificate else public[0]


def signature_headers(
    world: World, provider: WechatProvider, serial: str, body: bytes, spoilt: str = ""
) -> dict[str, str]:
    """Signed by the key that `serial` names. `spoilt`: "bad" signs another body, "probe" makes
    a wrong signature that begins as WeChat's probe traffic does."""
    key = (
        public_identity_key(world, provider, serial)
        if serial.startswith("PUB_KEY_ID_")
        else world.keys.get(f"wechat-platform:{provider.sp_mchid}")
    )
    stamp, nonce = str(int(world.clock.time())), secrets.token_hex(16)
    signed = body + b" " if spoilt == "bad" else body
    text = f"{stamp}\n{nonce}\n".encode() + signed + b"\n"
    signature = base64.b64encode(key.sign(text, padding.PKCS1v15(), hashes.SHA256())).decode()
    return {
        "Wechatpay-Timestamp": stamp,
        "Wechatpay-Nonce": nonce,
        "Wechatpay-Signature": PROBE + signature if spoilt == "probe" else signature,
        "Wechatpay-Serial": serial,
        "Wechatpay-Signature-Type": SCHEME,
    }
