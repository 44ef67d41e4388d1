"""Which partition a record goes to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.rules.producer.partitioner import (
    StickyPartitioner,
    is_slow,
    load_table,
    murmur2,
    next_partition,
    partition_for_key,
)


@given(st.binary(max_size=20), st.integers(1, 100))
def test_hash_stays_in_range(key: bytes, count: int) -> None:
    assert -(2**31) <= murmur2(key) < 2**31
    assert 0 <= partition_for_key(key, count) < count


def test_table_prefers_short_queues() -> None:
    assert load_table([0, 3, 1], 3) == [4, 5, 8]
    assert load_table([2, 2, 2], 3) is None
    assert load_table([2, 2], 3) == [1, 2]
    assert load_table([5], 1) is None
    assert load_table([], 3) is None


@pytest.mark.parametrize(("drawn", "chosen"), list(enumerate([7, 7, 7, 7, 8, 9, 9, 9])))
def test_draw_from_the_table_takes_the_first_sum_above(drawn: int, chosen: int) -> None:
    assert next_partition([7, 8, 9], [0, 3, 1], 3, lambda _: drawn) == chosen


def test_without_load_the_draw_is_uniform_over_the_available_ones() -> None:
    below: list[int] = []

    def draw(limit: int) -> int:
        below.append(limit)
        return limit - 1

    assert next_partition([4, 5], None, 6, draw) == 5
    assert next_partition([4, 5, 6], [2, 2, 2], 3, draw) == 6
    assert next_partition([4, 5], [2, 2], 3, draw) == 5, "a partition was left out, so the table counts"
    assert below == [2, 3, 2]


def test_a_node_is_slow_when_ready_batches_have_waited_longer_than_the_timeout() -> None:
    assert [is_slow(ready, 100, 50) for ready in (100, 150, 151)] == [False, False, True]
    assert not is_slow(10**9, 0, 0)


def test_draws_at_the_switch_and_not_before() -> None:
    drawn: list[int] = []

    def choose() -> int:
        drawn.append(4 + len(drawn))
        return drawn[-1]

    sticky = StickyPartitioner(100)
    assert [sticky.partition(choose) for _ in range(3)] == [4, 4, 4]
    sticky.update(99, True, choose)
    assert (sticky.partition(choose), drawn) == (4, [4])
    sticky.update(1, True, choose)
    assert drawn == [4, 5], "before the next record"
    assert sticky.partition(choose) == 5


def test_switch_waits_for_the_end_of_a_batch_but_not_beyond_twice_its_size() -> None:
    sticky = StickyPartitioner(100)
    assert sticky.partition(lambda: 0) == 0
    sticky.update(199, False, lambda: 1)
    assert sticky.current == 0
    sticky.update(1, False, lambda: 1)
    assert (sticky.current, sticky.produced_bytes) == (1, 0)
