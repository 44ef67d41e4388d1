"""The leader epoch cache."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.rules.storage.leader_epochs import LeaderEpochCache

PAIRS = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 60)), max_size=12)


def cache_of(assignments: list[Any]) -> LeaderEpochCache:
    cache = LeaderEpochCache()
    for epoch, start_offset in assignments:
        cache.assign(epoch, start_offset)
    return cache


def test_an_epoch_below_the_first_ends_where_the_first_begins() -> None:
    assert cache_of([(3, 20), (5, 40)]).end_offset_for(1, 50) == (1, 20)


def test_a_gap_between_epochs_answers_the_floor() -> None:
    assert cache_of([(3, 20), (7, 40)]).end_offset_for(5, 50) == (3, 40)


def test_the_same_epoch_moves_only_down() -> None:
    cache = cache_of([(1, 0), (2, 10), (2, 15)])
    assert cache.entries == [(1, 0), (2, 10)]
    cache.assign(2, 8)
    assert cache.entries == [(1, 0), (2, 8)]


def test_latest_and_previous_epoch() -> None:
    cache = cache_of([(1, 0), (4, 10)])
    assert cache.latest_epoch == 4
    assert [cache.previous_epoch(epoch) for epoch in (1, 2, 4, 9)] == [None, 1, 1, 4]
    cache.clear()
    assert cache.latest_epoch is None


def test_a_negative_offset_truncates_nothing() -> None:
    cache = cache_of([(1, 0)])
    cache.truncate_from_end(-1)
    assert cache.entries == [(1, 0)]


@pytest.mark.parametrize(("epoch", "start_offset"), [(-1, 0), (0, -1)])
def test_negative_entries_are_refused(epoch: int, start_offset: int) -> None:
    with pytest.raises(ValueError, match="both must be 0 or more"):
        LeaderEpochCache().assign(epoch, start_offset)


@given(PAIRS)
@settings(max_examples=100, deadline=None)
def test_epochs_and_offsets_rise_and_the_last_assignment_stays(assignments: list[tuple[int, int]]) -> None:
    cache = LeaderEpochCache()
    for epoch, start_offset in assignments:
        before = cache.entries
        cache.assign(epoch, start_offset)
        entries = cache.entries
        assert entries[-1] == (epoch, start_offset) or entries == before
        for below, above in pairwise(entries):
            assert below[0] < above[0]
            assert below[1] < above[1]


@given(PAIRS, st.integers(0, 15), st.integers(60, 80))
@settings(max_examples=100, deadline=None)
def test_epochs_end_where_their_offsets_end(
    assignments: list[tuple[int, int]], epoch: int, log_end_offset: int
) -> None:
    cache = cache_of(assignments)
    found_epoch, end_offset = cache.end_offset_for(epoch, log_end_offset)
    if end_offset == -1:
        assert cache.latest_epoch is None or epoch > cache.latest_epoch
    else:
        assert found_epoch <= epoch
        written_in = [cache.epoch_for_offset(offset) for offset in range(log_end_offset)]
        later = [offset for offset, written in enumerate(written_in) if written is not None and written > epoch]
        assert end_offset == min(later, default=log_end_offset)
