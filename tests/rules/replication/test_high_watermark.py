"""When records count as committed."""

from hypothesis import given
from hypothesis import strategies as st

from sim.rules.errors import ErrorCode
from sim.rules.replication.high_watermark import (
    acks_all_outcome,
    acks_all_refusal,
    bounds_high_watermark,
    effective_min_insync_replicas,
    follower_high_watermark,
    next_high_watermark,
)

OFFSETS = st.integers(0, 50)


def test_caught_up_follower_that_may_not_join_holds_nothing_back() -> None:
    assert bounds_high_watermark(False, True, True)
    assert not bounds_high_watermark(False, True, False)
    assert not bounds_high_watermark(False, False, True)


def test_minimum_is_never_more_than_the_replicas() -> None:
    assert effective_min_insync_replicas(3, 2) == 2
    assert next_high_watermark(0, 9, [7], isr_size=2, min_insync_replicas=3, replication_factor=2) == 7


def test_acks_all_is_refused_below_the_minimum() -> None:
    assert acks_all_refusal(1, 2, 3) is ErrorCode.NOT_ENOUGH_REPLICAS
    assert acks_all_refusal(2, 2, 3) is None
    assert acks_all_refusal(1, 2, 1) is None


def test_acks_all_waits_for_the_watermark_and_then_looks_at_the_isr() -> None:
    assert acks_all_outcome(9, 10, 3, 2, 3) is None
    assert acks_all_outcome(10, 10, 2, 2, 3) is ErrorCode.NONE
    assert acks_all_outcome(10, 10, 1, 2, 3) is ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND


@given(OFFSETS, OFFSETS, st.lists(OFFSETS, max_size=4), st.integers(1, 4), st.integers(1, 4), st.integers(1, 4))
def test_never_falls_nor_passes_an_end(
    before: int, ahead: int, followers: list[int], isr_size: int, minimum: int, replicas: int
) -> None:
    leader_end = before + ahead
    after = next_high_watermark(before, leader_end, followers, isr_size, minimum, replicas)
    assert before <= after <= leader_end
    assert after == before or after <= min([leader_end, *followers])
    assert after == before or isr_size >= min(minimum, replicas)


def test_follower_watermark_stays_within_its_log_and_may_fall() -> None:
    assert [follower_high_watermark(told, 3, 10) for told in (0, 3, 7, 10, 12)] == [3, 3, 7, 10, 10]
