"""What must hold of deposits when nothing is to come any more: every fen held is somebody's."""

from __future__ import annotations

from tests.sim.play import Play

_OPEN = """
SELECT out_freeze_no AS number, status, due_at FROM deposit_freeze
WHERE status NOT IN ('closed', 'failed', 'void') OR due_at IS NOT NULL OR is_unknown
UNION ALL
SELECT number, status, due_at FROM deposit_move
WHERE status NOT IN ('done', 'failed') OR due_at IS NOT NULL ORDER BY 1
"""
_ROOM = """
SELECT f.out_freeze_no, f.held_fen, f.consumed_fen, f.released_fen FROM deposit_freeze f
LEFT JOIN deposit_move m ON m.provider_id = f.provider_id AND m.freeze_id = f.id
GROUP BY f.provider_id, f.id HAVING f.held_fen <> 0
    OR f.consumed_fen <> COALESCE(sum(m.amount_fen)
        FILTER (WHERE m.status = 'done' AND m.kind = 'consume'), 0)
    OR f.released_fen <> COALESCE(sum(CASE m.kind WHEN 'release' THEN m.amount_fen
        ELSE m.rest_fen END) FILTER (WHERE m.status = 'done'), 0)
ORDER BY 1
"""
_CONSUMED = """
SELECT m.number, m.status, m.amount_fen, o.status AS paid, o.amount_fen AS paid_fen
FROM (SELECT * FROM deposit_move WHERE kind = 'consume') m
FULL JOIN (SELECT * FROM pay_order WHERE intent_key LIKE 'deposit:%') o
    ON o.provider_id = m.provider_id AND o.id = m.order_id AND o.out_trade_no = m.number
WHERE (m.status, m.amount_fen) IS DISTINCT FROM
    (CASE o.status WHEN 'paid' THEN 'done' ELSE 'failed' END, o.amount_fen)
ORDER BY 1
"""
_HOLDS = """
SELECT out_freeze_no, status, freeze_fen, consumed_fen, released_fen + lapsed_fen AS back_fen,
    lapsed_fen
FROM deposit_freeze ORDER BY 1
"""


def _deposits_end(play: Play) -> None:
    """Nothing is held for ever, nothing is on its way, and nobody waits for an answer."""
    bad = play.rows(_OPEN)
    assert not bad, f"not at its end: {bad}"


def _deposit_rooms(play: Play) -> None:
    """What is gone of a hold is the sum of what took from it."""
    bad = play.rows(_ROOM)
    assert not bad, f"a hold and its moves: {bad}"


def _consumptions(play: Play) -> None:
    """Each consumption is one order of its sum, paid if it was done and else not."""
    bad = play.rows(_CONSUMED)
    assert not bad, f"a consumption and its order: {bad}"


def _holds(play: Play) -> None:
    """Both books agree of each hold, to the fen; what is not held here is not held there."""
    theirs = {one.out_freeze_no: one for one in play.stage.wallets.world.freezes.all()}
    for row in play.rows(_HOLDS):
        one = theirs.pop(row.out_freeze_no, None)
        if row.status != "closed":
            gone = one is None or (one.left_fen, one.consumed_fen) == (0, 0)
            assert gone, f"held behind our back: {row} {one}"
            continue
        assert one is not None, f"never held there: {row}"
        said = (one.freeze_fen, one.consumed_fen, one.released_fen, one.left_fen)
        ours = (row.freeze_fen, row.consumed_fen, row.back_fen, 0)
        assert said == ours, f"the wallet says {said}: {row}"
        play.reach("deposit lapsed" if row.lapsed_fen else "deposit closed")
        if row.consumed_fen and row.back_fen:
            play.reach("deposit in parts")
    assert not theirs, f"held there, and never asked for here: {sorted(theirs)}"


DEPOSIT_CHECKS = (_deposits_end, _deposit_rooms, _consumptions, _holds)
