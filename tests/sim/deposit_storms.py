"""What happens to the calls of deposits while it storms; drawn apart from all other chance."""

from __future__ import annotations

from tests.sim.play import Play

ASKS = {"wechat.deposit.orderquery", "alipay.fund.auth.operation.detail.query"}
CONSUMES, RELEASES = "wechat.deposit.consume", "alipay.fund.auth.order.unfreeze"
REVERSES = "wechat.deposit.reverse"  # both a release and the end of a hold in doubt
HOLDS = {"wechat.deposit.micropay", "alipay.fund.auth.order.freeze"}
_OF_ASKING = {
    "none": 82.0,
    "lost": 5.0,
    "error": 6.0,
    "limited": 2.0,
    "bad_signature": 2.0,
    "wrong_amount": 3.0,
}
_OF_MOVING = {
    "none": 60.0,
    "lost": 9.0,
    "lose_answer": 12.0,
    "late": 9.0,
    "error": 6.0,
    "bad_signature": 2.0,
    "slow": 2.0,
}
CAPTURES = {CONSUMES, "alipay.pay"}
REFUSED = {"wechat": "NOAUTH", "alipay": "ACCESS_FORBIDDEN"}  # a definite no


def is_of_deposit(name: str, body: bytes) -> bool:
    """A call about what is held; Alipay's consumption is a payment that names the hold."""
    return (
        name.startswith(("wechat.deposit.", "alipay.fund."))
        and not name.endswith(("refund", "refundquery"))
    ) or (name == "alipay.pay" and b"auth_no" in body)


def kind_of(play: Play, name: str, number: str) -> str:
    """What becomes of this call."""
    if name == REVERSES and number in play.withdrawn:
        return "refused"
    if number in play.held_up:  # and nothing else, so that we have given it up when it comes
        return "late" if name in HOLDS | CAPTURES else "none"
    if name in ASKS:
        return play.chance.deposits.weighted(_OF_ASKING)
    more = {"refused": 14.0} if name in (RELEASES, REVERSES) else {"late": 14.0}
    return play.chance.deposits.weighted(_OF_MOVING | more)


def lateness(play: Play, name: str, number: str) -> float | None:
    """How many seconds a late call is on its way; None: as any other."""
    return play.held_up.get(number) if name in HOLDS | CAPTURES else None


def arrive(play: Play, name: str, number: str) -> None:
    """A request to hold that was held up finds a payer who needs no password; and the merchant has
    just taken back the consent to give back, so that it stands."""
    was_held_up = name in HOLDS | CAPTURES and play.held_up.pop(number, None) is not None
    if was_held_up and name in HOLDS and play.is_noisy:
        play.stage.wallets.world.switches.set("wechat.micropay_result", "SUCCESS")
        play.withdrawn.add(number)
