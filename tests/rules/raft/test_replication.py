"""Commits and the check of the quorum."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.rules.raft.replication import (
    check_quorum_timeout_ms,
    is_followed,
    preferred_successors,
    quorum_high_watermark,
)


@pytest.mark.parametrize(
    ("ends", "epoch_start", "expected"),
    [
        ((12,), 10, 12),
        ((12, None, None), 10, None),
        ((12, 11, None), 10, 11),
        ((12, 10, 10), 10, None),
        ((12, 12, 9), 10, 12),
        ((20, 11, 12, 13, 14), 10, 13),
        ((20, 20, None, None, 14), 10, 14),
    ],
)
def test_what_a_majority_has_is_committed_from_the_own_epoch_on(
    ends: tuple[int | None, ...], epoch_start: int, expected: int | None
) -> None:
    assert quorum_high_watermark(dict(enumerate(ends)), epoch_start) == expected


@given(st.lists(st.integers(0, 50), min_size=1, max_size=5).filter(lambda ends: len(ends) % 2 == 1))
def test_the_high_watermark_is_the_largest_offset_that_a_majority_has_reached(ends: list[int]) -> None:
    def has_majority(offset: int) -> bool:
        return sum(end >= offset for end in ends) > len(ends) // 2

    found = quorum_high_watermark(dict(enumerate(ends)), -1)
    assert found is not None
    assert has_majority(found)
    assert not has_majority(found + 1)


def test_a_leader_counts_itself_when_it_checks_its_quorum() -> None:
    assert check_quorum_timeout_ms(2000) == 3000
    assert [is_followed(fetched, 3) for fetched in ((), (101,))] == [False, True]
    assert [is_followed(fetched, 5) for fetched in ((101,), (101, 102))] == [False, True]


def test_successors_in_order_of_what_they_have() -> None:
    assert preferred_successors(100, {100: 50, 101: 40, 102: 45, 103: None, 104: 45}) == (102, 104, 101, 103)
