"""Who is in sync."""

from typing import Any

import pytest

from sim.rules.replication.isr import (
    LONG_AGO_MS,
    FollowerState,
    broker_epoch_eligible,
    is_stale_fetch,
    isr_decision,
    may_join_isr,
)


def test_lag_must_exceed_the_limit() -> None:
    facts: dict[str, Any] = {
        "leader_leo": 100,
        "follower_leo": 90,
        "last_caught_up_ms": 0,
        "replica_lag_time_max_ms": 30_000,
        "in_isr": True,
        "leader_hw": 90,
        "leader_epoch_start_offset": 0,
    }
    assert isr_decision(now_ms=30_000, **facts) == "none"
    assert isr_decision(now_ms=30_001, **facts) == "shrink"
    assert isr_decision(now_ms=30_001, **facts, fenced=True) == "shrink"


def test_nobody_joins_before_the_leader_knows_where_its_epoch_starts() -> None:
    assert may_join_isr(10, 10, 10)
    assert not may_join_isr(10, 10, None)
    assert not may_join_isr(10, 10, 0, shutting_down=True)
    assert not may_join_isr(9, 10, 0)


def test_fetch_at_the_end_is_caught_up_now() -> None:
    follower = FollowerState(2)
    follower.fetched(100, now_ms=5000, leader_end_offset=100)
    assert (follower.log_end_offset, follower.last_caught_up_ms) == (100, 5000)


def test_fetch_at_the_end_of_last_time_was_caught_up_then() -> None:
    follower = FollowerState(2)
    follower.fetched(90, now_ms=1000, leader_end_offset=100)
    assert follower.last_caught_up_ms == LONG_AGO_MS
    follower.fetched(100, now_ms=2000, leader_end_offset=120)
    assert follower.last_caught_up_ms == 1000
    follower.fetched(110, now_ms=3000, leader_end_offset=140)
    assert follower.last_caught_up_ms == 1000
    assert follower.is_caught_up(150, 31_000, 30_000)
    assert not follower.is_caught_up(150, 31_001, 30_000)
    assert follower.is_caught_up(110, 99_000, 30_000)


def test_new_leader_knows_nothing_but_trusts_the_isr() -> None:
    follower = FollowerState(2)
    follower.fetched(100, now_ms=5000, leader_end_offset=100, broker_epoch=4, log_start_offset=3)
    follower.reset(9000, leader_end_offset=100, is_new_leader=True, is_in_sync=True)
    assert (follower.log_end_offset, follower.log_start_offset, follower.broker_epoch) == (-1, -1, None)
    assert (follower.last_caught_up_ms, follower.last_fetch_ms) == (9000, LONG_AGO_MS)
    follower.reset(9500, leader_end_offset=100, is_new_leader=True, is_in_sync=False)
    assert follower.last_caught_up_ms == LONG_AGO_MS
    assert not follower.is_caught_up(200, now_ms=9500, replica_lag_time_max_ms=30_000)


def test_leader_elected_again_keeps_what_it_knew() -> None:
    follower = FollowerState(2)
    follower.fetched(80, now_ms=5000, leader_end_offset=100, broker_epoch=4)
    follower.reset(9000, leader_end_offset=130, is_new_leader=False, is_in_sync=True)
    assert (follower.log_end_offset, follower.broker_epoch, follower.last_fetch_ms) == (80, 4, 9000)
    assert follower.last_fetch_leader_end_offset == 130


@pytest.mark.parametrize(
    ("fetched", "alive", "stale", "eligible"),
    [(5, 5, False, True), (4, 5, True, False), (6, 5, False, False), (-1, 5, False, True), (5, None, False, False)],
)
def test_earlier_lives_of_a_broker_are_fenced(fetched: int, alive: int | None, stale: bool, eligible: bool) -> None:
    assert is_stale_fetch(fetched, alive) is stale
    assert broker_epoch_eligible(fetched, alive) is eligible
    assert not broker_epoch_eligible(None, alive)
