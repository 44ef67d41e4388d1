"""Moving partitions to other brokers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.rules.controller.reassignment import (
    Assignment,
    completed_reassignment,
    reassigned,
    reassignment_refusal,
    reverted_reassignment,
)
from sim.rules.errors import ErrorCode

REPLICAS = st.lists(st.integers(1, 6), min_size=1, max_size=4, unique=True)


def test_move_to_other_brokers_keeps_the_old_ones_until_the_new_ones_are_in_sync() -> None:
    moving = reassigned(Assignment((1, 2, 3)), (4, 5, 6))
    assert moving == Assignment((4, 5, 6, 1, 2, 3), (4, 5, 6), (1, 2, 3))
    assert completed_reassignment(moving, (1, 2, 3, 4, 5)) is None
    assert completed_reassignment(moving, (1, 2, 3)) is None
    completion = completed_reassignment(moving, (1, 3, 5, 4, 6))
    assert completion == ((4, 5, 6), (5, 4, 6))


def test_who_stays_must_be_in_sync_too() -> None:
    moving = reassigned(Assignment((1, 2, 3)), (1, 2, 4))
    assert moving == Assignment((1, 2, 4, 3), (4,), (3,))
    assert completed_reassignment(moving, (1, 3, 4)) is None
    assert completed_reassignment(moving, (4, 2, 1)) == ((1, 2, 4), (4, 2, 1))


def test_more_or_fewer_replicas() -> None:
    more = reassigned(Assignment((1, 2)), (1, 2, 3))
    assert more == Assignment((1, 2, 3), (3,), ())
    assert completed_reassignment(more, (1, 2)) is None
    fewer = reassigned(Assignment((1, 2, 3)), (3, 1))
    assert fewer == Assignment((3, 1, 2), (), (2,))
    assert completed_reassignment(fewer, (1, 2, 3)) == ((3, 1), (1, 3))


def test_new_order_is_no_move() -> None:
    assert reassigned(Assignment((1, 2, 3)), (3, 1, 2)) == Assignment((3, 1, 2))
    assert completed_reassignment(Assignment((3, 1, 2)), (1, 2, 3)) is None


def test_second_target_starts_from_where_the_first_has_brought_the_partition() -> None:
    first = reassigned(Assignment((1, 2, 3)), (1, 2, 4))
    assert reassigned(first, (1, 2, 5)) == Assignment((1, 2, 5, 3, 4), (5,), (3, 4))
    assert reassigned(first, (1, 2, 3)) == Assignment((1, 2, 3, 4), (4,), (4,))
    assert reassigned(first, (1, 2, 4, 3)) == Assignment((1, 2, 4, 3), (4,), (3,))


def test_cancelling_takes_added_replicas_out_and_keeps_those_that_were_to_go() -> None:
    moving = reassigned(Assignment((1, 2, 3)), (1, 4, 5))
    assert reverted_reassignment(moving, (1, 2, 4)) == ((1, 2, 3), (1, 2), False)


def test_cancelling_when_only_added_replicas_are_in_sync_is_unclean() -> None:
    moving = reassigned(Assignment((1, 2)), (3, 4))
    assert reverted_reassignment(moving, (3,)) == ((1, 2), (1,), True)
    with pytest.raises(ValueError, match="adds all replicas"):
        reverted_reassignment(Assignment((3, 4), (3, 4)), (3,))


@pytest.mark.parametrize(
    ("target", "error"),
    [
        ((), ErrorCode.INVALID_REPLICA_ASSIGNMENT),
        ((1, 1), ErrorCode.INVALID_REPLICA_ASSIGNMENT),
        ((1, 9), ErrorCode.INVALID_REPLICA_ASSIGNMENT),
        ((4, 5), None),
    ],
)
def test_targets_are_registered_brokers_each_once(target: tuple[int, ...], error: ErrorCode | None) -> None:
    assert reassignment_refusal(Assignment((1, 2, 3)), target, (1, 2, 3, 4, 5)) is error


def test_replication_factor_is_that_after_the_move_under_way() -> None:
    registered = range(1, 7)
    assert reassignment_refusal(Assignment((1, 2)), (3,), registered, False) is ErrorCode.INVALID_REPLICATION_FACTOR
    moving = reassigned(Assignment((1, 2)), (3, 4, 5))
    assert reassignment_refusal(moving, (4, 5, 6), registered, False) is None
    assert reassignment_refusal(moving, (4, 5), registered, False) is ErrorCode.INVALID_REPLICATION_FACTOR


@given(REPLICAS, REPLICAS, st.lists(st.integers(1, 6), max_size=6, unique=True))
def test_finished_move_has_exactly_its_target(start: list[int], target: list[int], isr: list[int]) -> None:
    moving = reassigned(Assignment(tuple(start)), target)
    assert set(moving.replicas) == {*start, *target}
    completion = completed_reassignment(moving, isr)
    if completion is not None:
        assert completion.replicas == tuple(target)
        assert set(target) <= set(completion.isr) <= {*isr}
    if moving.is_reassigning:
        assert (completion is not None) == (set(target) <= set(isr))


@given(REPLICAS, REPLICAS, st.lists(st.integers(1, 6), max_size=6, unique=True))
def test_cancelled_move_has_the_replicas_it_began_with(start: list[int], target: list[int], isr: list[int]) -> None:
    moving = reassigned(Assignment(tuple(start)), target)
    reversion = reverted_reassignment(moving, [broker for broker in isr if broker in moving.replicas])
    assert set(reversion.replicas) == set(start)
    assert set(reversion.isr) <= set(start)
    assert reversion.unclean == (not set(isr) & set(start))
