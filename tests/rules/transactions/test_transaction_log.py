"""What is written to `__transaction_state`."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.rules.errors import ErrorCode
from sim.rules.topics import TopicPartition
from sim.rules.transactions.transaction_log import decode_transaction, encode_transaction, transaction_log_error
from sim.rules.transactions.transaction_metadata import TransactionState, TransitMetadata

numbers = st.integers(-1, 1 << 40)
partitions = st.lists(st.builds(TopicPartition, st.sampled_from("abc"), st.integers(0, 9)), unique=True)


@settings(max_examples=50)
@given(
    st.text(min_size=1),
    st.builds(
        TransitMetadata,
        st.sampled_from(TransactionState),
        *[numbers] * 6,
        st.just(()),
        *[numbers] * 3,
    ),
    partitions,
)
def test_what_was_written_is_read_again(name: str, transit: TransitMetadata, listed: list[TopicPartition]) -> None:
    written = TransitMetadata(
        transit.state,
        transit.producer_id,
        transit.previous_producer_id,
        transit.next_producer_id,
        transit.producer_epoch,
        transit.last_producer_epoch,
        transit.timeout_ms,
        tuple(sorted(listed)),
        transit.start_ms,
        transit.last_update_ms,
        transit.transaction_version,
    )
    read = decode_transaction(*encode_transaction(name, written))
    assert (read.transactional_id, read.current, read.pending_state) == (name, written, None)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ErrorCode.NONE, ErrorCode.NONE),
        (ErrorCode.NOT_ENOUGH_REPLICAS, ErrorCode.COORDINATOR_NOT_AVAILABLE),
        (ErrorCode.REQUEST_TIMED_OUT, ErrorCode.COORDINATOR_NOT_AVAILABLE),
        (ErrorCode.NOT_LEADER_OR_FOLLOWER, ErrorCode.NOT_COORDINATOR),
        (ErrorCode.RECORD_LIST_TOO_LARGE, ErrorCode.UNKNOWN_SERVER_ERROR),
    ],
)
def test_what_a_failed_write_means(error: ErrorCode, told: ErrorCode) -> None:
    assert transaction_log_error(error) is told
