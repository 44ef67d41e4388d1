"""Where a follower's log parts from the leader's."""

from typing import Any

import pytest

from sim.rules.errors import OffsetOutOfRangeError
from sim.rules.storage.leader_epochs import LeaderEpochCache
from sim.rules.storage.truncation import Truncation, diverging_epoch, truncation_offset


def cache_of(entries: list[Any]) -> LeaderEpochCache:
    cache = LeaderEpochCache()
    for epoch, start_offset in entries:
        cache.assign(epoch, start_offset)
    return cache


def test_a_fetch_without_epoch_is_not_tested() -> None:
    assert diverging_epoch(cache_of([(4, 0)]), 10, None, 99) is None


def test_an_epoch_that_the_leader_cannot_know_is_out_of_range() -> None:
    with pytest.raises(OffsetOutOfRangeError, match="leader epoch 5"):
        diverging_epoch(cache_of([(4, 0)]), 10, 5, 3)


def test_below_the_log_start_is_out_of_range_even_when_diverging() -> None:
    leader = cache_of([(0, 20), (4, 40)])
    assert diverging_epoch(leader, 60, 2, 19) == (0, 40)
    with pytest.raises(OffsetOutOfRangeError, match="below the log start offset 20"):
        diverging_epoch(leader, 60, 2, 19, leader_log_start_offset=20)


def test_a_follower_without_epochs_follows_the_leader() -> None:
    assert truncation_offset(cache_of([]), 30, 2, 10) == Truncation(10, True)
    assert truncation_offset(cache_of([]), 5, 2, 10) == Truncation(5, True)


def test_an_undefined_answer_cuts_nothing() -> None:
    assert truncation_offset(cache_of([(0, 0)]), 30, -1, -1) == Truncation(30, True)


def test_never_beyond_the_own_log_end() -> None:
    assert truncation_offset(cache_of([(0, 0)]), 30, 0, 90) == Truncation(30, True)
