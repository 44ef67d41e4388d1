"""States of the records of a share group."""

import pytest

from sim.rules.share.share_records import InFlightBatch, InFlightState, InvalidTransitionError, RecordState


def test_done_is_acknowledged_or_archived() -> None:
    assert [state for state in RecordState if state.is_terminal] == [RecordState.ACKNOWLEDGED, RecordState.ARCHIVED]


def test_each_delivery_counts_and_the_last_one_ends_in_the_archive() -> None:
    state = InFlightState(RecordState.ACQUIRED, 1, "a", 30_000)
    state.give_back(RecordState.AVAILABLE, max_delivery_count=2)
    assert (state.state, state.delivery_count, state.member_id, state.locked_until_ms) == (
        RecordState.AVAILABLE, 1, "", None)  # fmt: skip
    state.acquire("b", 60_000)
    assert (state.state, state.delivery_count, state.member_id) == (RecordState.ACQUIRED, 2, "b")
    with pytest.raises(InvalidTransitionError):
        state.acquire("c", 60_000)
    state.give_back(RecordState.AVAILABLE, max_delivery_count=2)
    assert (state.state, state.delivery_count) == (RecordState.ARCHIVED, 2)
    with pytest.raises(InvalidTransitionError):
        state.give_back(RecordState.ACKNOWLEDGED, max_delivery_count=2)


def test_a_batch_has_one_state_until_it_is_split() -> None:
    batch = InFlightBatch(3, 5, InFlightState(RecordState.ACQUIRED, 1, "a", 7))
    assert [(first, last) for first, last, _ in batch.parts()] == [(3, 5)]
    batch.split()
    batch.offsets[4].give_back(RecordState.ACKNOWLEDGED, 5)
    assert [(first, part.state.value, part.locked_until_ms) for first, _, part in batch.parts()] == [
        (3, "Acquired", 7), (4, "Acknowledged", None), (5, "Acquired", 7)]  # fmt: skip
    assert batch.is_cut_by(4)
    assert not batch.is_cut_by(3)
