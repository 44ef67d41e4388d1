"""When batches fill, leave, wait, retry and expire."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.rules.producer.batching import (
    NO_SEQUENCE,
    Readiness,
    batch_allocation_bytes,
    batch_ready,
    can_retry,
    drain_order,
    fits_request,
    gap_bumps_epoch,
    has_room_for,
    is_backing_off,
    is_expired,
    is_full,
    must_stop_drain,
    reenqueue_index,
    retry_backoff_ms,
    split_target_bytes,
)


def test_one_record_always_fits_and_fills() -> None:
    assert batch_allocation_bytes(0, 99) == 99
    assert batch_allocation_bytes(16_384, 99) == 16_384
    assert has_room_for(0, 61, 10_000, 100)
    assert has_room_for(1, 61, 39, 100)
    assert not has_room_for(1, 61, 40, 100)
    assert is_full(1, 100, 100)
    assert not is_full(1, 99, 100)
    assert not is_full(0, 100, 100)


def test_expires_at_the_delivery_timeout() -> None:
    assert not is_expired(1000, 120_999, 120_000)
    assert is_expired(1000, 121_000, 120_000)


def test_backoff_doubles_up_to_its_maximum() -> None:
    assert [retry_backoff_ms(attempts, 100, 1000) for attempts in range(5)] == [100, 200, 400, 800, 1000]
    assert retry_backoff_ms(0, 100, 1000, 0.2) == 120
    assert retry_backoff_ms(0, 100, 1000, -0.2) == 80
    assert retry_backoff_ms(9, 100, 1000, 0.2) == 1000
    assert retry_backoff_ms(9, 100, 1000, -0.2) == 800
    assert retry_backoff_ms(3, 500, 200, 0.2) == 200
    assert retry_backoff_ms(3, 0, 200) == 0


@given(st.integers(0, 50), st.integers(0, 5000), st.integers(0, 5000), st.floats(-0.2, 0.2))
def test_backoff_stays_below_its_maximum(attempts: int, first_ms: int, greatest_ms: int, jitter: float) -> None:
    assert 0 <= retry_backoff_ms(attempts, first_ms, greatest_ms, jitter) <= greatest_ms


def test_retry_waits_unless_the_leader_changed() -> None:
    assert is_backing_off(1, 99, 100)
    assert not is_backing_off(1, 100, 100)
    assert not is_backing_off(1, 99, 100, leader_changed=True)
    assert not is_backing_off(0, 0, 100)


@pytest.mark.parametrize(
    ("attempts", "now_ms", "retriable", "expected"),
    [(0, 10, True, True), (3, 10, True, False), (0, 100, True, False), (0, 10, False, False)],
)
def test_retries_within_its_limits(attempts: int, now_ms: int, retriable: bool, expected: bool) -> None:
    assert can_retry(attempts, 3, 0, now_ms, 100, retriable) is expected


def test_lingers_unless_something_presses() -> None:
    assert batch_ready(full=False, waited_ms=2, linger_ms=5) == Readiness(False, 3)
    assert batch_ready(full=False, waited_ms=5, linger_ms=5) == Readiness(True, 0)


@pytest.mark.parametrize("reason", ["full", "exhausted", "closed", "flushing", "transaction_completing"])
def test_anything_pressing_sends_at_once_but_not_during_backoff(reason: str) -> None:
    facts: dict[str, Any] = {"full": False, "waited_ms": 0, "linger_ms": 5} | {reason: True}
    assert batch_ready(**facts).sendable
    assert batch_ready(**facts, backing_off=True, backoff_ms=100) == Readiness(False, 100)


def test_drain_goes_round_and_ends_at_the_request_size() -> None:
    assert drain_order(3, 2) == [2, 0, 1]
    assert drain_order(2, 5) == [1, 0]
    assert fits_request(0, 0, 5000, 1000)
    assert fits_request(600, 1, 400, 1000)
    assert not fits_request(601, 1, 400, 1000)


@pytest.mark.parametrize(
    ("facts", "stops"),
    [
        ({"first_base_sequence": NO_SEQUENCE, "first_in_flight_sequence": 7}, False),
        ({"first_base_sequence": 7, "first_in_flight_sequence": 7}, False),
        ({"first_base_sequence": 9, "first_in_flight_sequence": 7}, True),
        ({"first_base_sequence": 9, "first_in_flight_sequence": NO_SEQUENCE}, False),
        ({"first_base_sequence": 9, "first_in_flight_sequence": 9, "sequence_unresolved": True}, False),
        ({"first_base_sequence": -1, "first_in_flight_sequence": -1, "sequence_unresolved": True}, True),
        ({"first_base_sequence": -1, "first_in_flight_sequence": -1, "stale_producer_id_in_flight": True}, True),
        ({"first_base_sequence": -1, "first_in_flight_sequence": -1, "producer_id_valid": False}, True),
    ],
)
def test_retries_of_an_idempotent_producer_go_one_by_one(facts: dict[str, Any], stops: bool) -> None:
    assert must_stop_drain(**facts) is stops


def test_gap_takes_a_new_epoch_only_when_something_was_lost() -> None:
    assert gap_bumps_epoch(is_next_sequence=True, sequence_unresolved=False)
    assert not gap_bumps_epoch(is_next_sequence=False, sequence_unresolved=False)
    assert not gap_bumps_epoch(is_next_sequence=True, sequence_unresolved=False, sequence_reset=True)
    assert not gap_bumps_epoch(is_next_sequence=True, sequence_unresolved=True)
    assert gap_bumps_epoch(is_next_sequence=False, sequence_unresolved=True, follows_unresolved=True)


@pytest.mark.parametrize(
    ("queue", "sequence", "index"),
    [([], 5, 0), ([NO_SEQUENCE], 5, 0), ([9, NO_SEQUENCE], 5, 0), ([2, 3, 9, NO_SEQUENCE], 5, 2), ([2, 3], 5, 2)],
)
def test_retried_batch_keeps_the_order_of_sequences(queue: list[int], sequence: int, index: int) -> None:
    assert reenqueue_index(queue, sequence) == index


def test_a_batch_splits_to_batch_size_and_its_parts_to_halves_that_hold_the_largest_record() -> None:
    assert split_target_bytes(16_384, 60_000, 200, is_split=False) == 16_384
    assert split_target_bytes(16_384, 15_001, 200, is_split=True) == 7500
    assert split_target_bytes(16_384, 15_001, 9000, is_split=True) == 9000
