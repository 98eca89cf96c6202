"""The faults a person can ask for with a tick, and which of them are armed right now."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from simulator.faults import Fault
from simulator.world import World

ALWAYS = 1000  # times: as good as "until unticked"
WALLETS = {"wechat": "微信", "alipay": "支付宝"}


@dataclass(frozen=True)
class Item:
    key: str
    label: str
    help: str
    faults: tuple[dict[str, Any], ...] = ()  # bodies of POST /sim/faults
    switches: dict[str, str] = field(default_factory=dict)  # body of POST /sim/switches

    def mine(self, fault: Fault) -> bool:
        return any(
            (fault.on, fault.kind, fault.ms, fault.code)
            == (f["on"], f["kind"], f.get("ms", 0), f.get("code", ""))
            for f in self.faults
        )


def _both(operations: tuple[str, str], kind: str, times: int, **more: Any) -> tuple[Any, ...]:
    return tuple({"on": on, "kind": kind, "times": times, **more} for on in operations)


NOTIFY = ("wechat.notify", "alipay.notify")

MENU = (
    Item(
        "oauth",
        "授权失败 10005",
        "公众号授权页报错，一直有效",
        switches={"wechat.oa_page_error": "10005"},
    ),
    Item(
        "late",
        "回调延迟 8 秒",
        "钱已付，通知晚到，一直有效",
        _both(NOTIFY, "delay", ALWAYS, ms=8000),
    ),
    Item(
        "twice",
        "回调重复 3 次",
        "一共多送 3 遍",
        _both(NOTIFY, "duplicate", 3),
    ),
    Item(
        "unknown",
        "结果未知后成功",
        "查单连错 3 次，通知 12 秒后才到",
        (
            {"on": "wechat.query", "kind": "error", "times": 3, "code": "SYSTEM_ERROR"},
            {"on": "alipay.query", "kind": "error", "times": 3, "code": "ACQ.SYSTEM_ERROR"},
            *_both(NOTIFY, "delay", 1, ms=12000),
        ),
    ),
    Item(
        "lost",
        "下单回答丢失",
        "上游收到了，产品没有等到回答",
        _both(("wechat.jsapi", "alipay.create"), "lose_answer", 1),
    ),
    Item(
        "amount",
        "通知金额错 1 分",
        "产品应当冻结这一单，不记成功",
        _both(NOTIFY, "wrong_amount", 1),
    ),
)


def armed(world: World) -> dict[str, Any]:
    """Per menu key what is left of it; `others` counts what a program has armed."""
    left = world.faults.armed()
    state = {item.key: _left(item, left, world) for item in MENU}
    others = sum(not any(item.mine(f) for item in MENU) for f in left)
    return {"items": {k: v for k, v in state.items() if v is not None}, "others": others}


def _left(item: Item, left: Iterable[Fault], world: World) -> str | None:
    """None: not armed. Otherwise what to say beside the tick: nothing, or how often it is left."""
    if item.switches:
        rows = world.switches.rows()
        is_set = all(rows.get(k, {}).get("value") == v for k, v in item.switches.items())
        return "" if is_set else None
    mine = [f for f in left if item.mine(f)]
    if not mine:
        return None
    counts = {
        name: max((f.times for f in mine if f.on.startswith(f"{wallet}.")), default=0)
        for wallet, name in WALLETS.items()
    }
    if max(counts.values()) > ALWAYS // 2:
        return ""
    return "还剩 " + " · ".join(f"{name} {n}" for name, n in counts.items() if n)


def disarm(world: World, item: Item) -> None:
    """Takes this item's faults away and leaves the others as they are."""
    others = [f for f in world.faults.armed() if not item.mine(f)]
    world.faults.clear()
    for fault in others:
        world.faults.arm(fault)
