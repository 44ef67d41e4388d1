"""Which partition a record goes to."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.rules.partitioner import StickyPartitioner, load_table, murmur2, partition_for_key, to_positive
from tests.vector_files import vectors


@pytest.mark.parametrize("vector", vectors("murmur2_partition"), ids=lambda vector: vector["id"])
def test_hashes_as_kafka(vector: dict[str, Any]) -> None:
    key = bytes.fromhex(vector["key_hex"])
    assert murmur2(key) == vector["murmur2_int32"]
    assert to_positive(murmur2(key)) == vector["to_positive"]
    counts = vector["partition_by_count"]
    assert {count: partition_for_key(key, int(count)) for count in counts} == counts


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
    assert StickyPartitioner(16).partition([7, 8, 9], [0, 3, 1], lambda _: drawn) == chosen


def test_draws_only_on_a_switch() -> None:
    draws: list[int] = []

    def draw(below: int) -> int:
        draws.append(below)
        return len(draws) - 1

    sticky = StickyPartitioner(100)
    assert [sticky.partition([4, 5], None, draw) for _ in range(3)] == [4, 4, 4]
    sticky.update(99, batch_complete=True)
    assert sticky.partition([4, 5], None, draw) == 4
    sticky.update(1, batch_complete=True)
    assert sticky.partition([4, 5], None, draw) == 5
    assert draws == [2, 2]


def test_switch_waits_for_the_end_of_a_batch_but_not_beyond_twice_its_size() -> None:
    sticky = StickyPartitioner(100)
    assert sticky.partition([0, 1], None, lambda _: 0) == 0
    sticky.update(199, batch_complete=False)
    assert sticky.partition([0, 1], None, lambda _: 1) == 0
    sticky.update(1, batch_complete=False)
    assert sticky.partition([0, 1], None, lambda _: 1) == 1
