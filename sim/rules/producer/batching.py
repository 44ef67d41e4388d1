"""When a producer's batches fill, leave, wait, retry, split and expire."""

from collections.abc import Sequence
from math import log
from typing import NamedTuple

__all__ = [
    "NO_SEQUENCE",
    "Readiness",
    "batch_allocation_bytes",
    "batch_ready",
    "can_retry",
    "drain_order",
    "fits_request",
    "gap_bumps_epoch",
    "has_room_for",
    "is_backing_off",
    "is_expired",
    "is_full",
    "must_stop_drain",
    "reenqueue_index",
    "retry_backoff_ms",
    "split_target_bytes",
]

NO_SEQUENCE = -1


def batch_allocation_bytes(batch_size_bytes: int, record_upper_bound_bytes: int) -> int:
    """The memory of a new batch, which is also what may be written to it: batch.size, or more for one large record.

    Source: clients/src/main/java/org/apache/kafka/clients/producer/internals/RecordAccumulator.java append
    Fidelity: exact
    """
    return max(1, batch_size_bytes, record_upper_bound_bytes)


def is_full(record_count: int, size_bytes: int, write_limit_bytes: int) -> bool:
    """Whether a batch has reached its limit; an empty one never has. `size_bytes` counts the batch header.

    Source: clients/src/main/java/org/apache/kafka/common/record/MemoryRecordsBuilder.java isFull
    Fidelity: exact
    """
    return record_count > 0 and size_bytes >= write_limit_bytes


def has_room_for(record_count: int, size_bytes: int, record_size_bytes: int, write_limit_bytes: int) -> bool:
    """Whether a record of this exact size still fits; the first one always does.

    Source: clients/src/main/java/org/apache/kafka/common/record/MemoryRecordsBuilder.java hasRoomFor
    Fidelity: exact
    """
    return record_count == 0 or size_bytes + record_size_bytes <= write_limit_bytes


def is_expired(created_ms: int, now_ms: int, delivery_timeout_ms: int) -> bool:
    """Whether a batch has used up its delivery timeout, counted from its creation.

    Source: clients/src/main/java/org/apache/kafka/clients/producer/internals/ProducerBatch.java
    Fidelity: exact
    """
    return now_ms - created_ms >= delivery_timeout_ms


def retry_backoff_ms(attempts: int, retry_backoff_ms: int, retry_backoff_max_ms: int, jitter: float = 0.0) -> int:
    """How long to wait before a retry: doubling from the first to the greatest backoff, with jitter.

    `attempts` counts from 0 for the first retry; `jitter` is drawn uniformly from -0.2 to 0.2.

    Source: clients/src/main/java/org/apache/kafka/common/utils/ExponentialBackoff.java
    Fidelity: exact
    """
    if retry_backoff_max_ms <= retry_backoff_ms:
        return retry_backoff_max_ms
    exponent = min(attempts, log(retry_backoff_max_ms / max(retry_backoff_ms, 1)) / log(2))
    return min(int((1 + jitter) * retry_backoff_ms * 2.0**exponent), retry_backoff_max_ms)


def is_backing_off(attempts: int, waited_ms: int, backoff_ms: int, leader_changed: bool = False) -> bool:
    """Whether a batch to be retried must wait; not when its partition has a newer leader than at the last attempt.

    Source: clients/src/main/java/org/apache/kafka/clients/producer/internals/RecordAccumulator.java shouldBackoff
    Fidelity: exact
    """
    return not leader_changed and attempts > 0 and waited_ms < backoff_ms


def can_retry(
    attempts: int, retries: int, created_ms: int, now_ms: int, delivery_timeout_ms: int, retriable: bool
) -> bool:
    """Whether a batch that failed goes back into the queue.

    Source: clients/src/main/java/org/apache/kafka/clients/producer/internals/Sender.java canRetry
    Fidelity: exact
    """
    return retriable and attempts < retries and not is_expired(created_ms, now_ms, delivery_timeout_ms)


class Readiness(NamedTuple):
    """Whether a partition's first batch may leave now, and if not, how long until asking again."""

    sendable: bool
    wait_ms: int


def batch_ready(
    *,
    full: bool,
    waited_ms: int,
    linger_ms: int,
    backing_off: bool = False,
    backoff_ms: int = 0,
    exhausted: bool = False,
    closed: bool = False,
    flushing: bool = False,
    transaction_completing: bool = False,
) -> Readiness:
    """Whether the first batch of a partition makes its leader worth a request.

    `full`: it is full or others queue behind it; `waited_ms` since its creation or last attempt; `exhausted`: some
    send() waits for buffer memory. The caller knows the leader and that the partition is not muted.

    Source: clients/src/main/java/org/apache/kafka/clients/producer/internals/RecordAccumulator.java batchReady
    Fidelity: exact
    """
    to_wait_ms = backoff_ms if backing_off else linger_ms
    if backing_off or not (
        full or waited_ms >= to_wait_ms or exhausted or closed or flushing or transaction_completing
    ):
        return Readiness(False, max(to_wait_ms - waited_ms, 0))
    return Readiness(True, 0)


def drain_order(partition_count: int, drain_index: int) -> list[int]:
    """The order in which a request to one node visits the node's partitions.

    Keep the last index visited as the next `drain_index`: a partition at which the request was full comes first then.

    Source: clients/src/main/java/org/apache/kafka/clients/producer/internals/RecordAccumulator.java
    Fidelity: exact
    """
    return [(drain_index + step) % partition_count for step in range(partition_count)]


def fits_request(drained_bytes: int, drained_batches: int, batch_size_bytes: int, max_request_size_bytes: int) -> bool:
    """Whether one more batch goes into a request; the first always does. Else the drain of this node ends.

    Source: clients/src/main/java/org/apache/kafka/clients/producer/internals/RecordAccumulator.java
    Fidelity: exact
    """
    return drained_batches == 0 or drained_bytes + batch_size_bytes <= max_request_size_bytes


def must_stop_drain(
    *,
    first_base_sequence: int,
    first_in_flight_sequence: int,
    producer_id_valid: bool = True,
    stale_producer_id_in_flight: bool = False,
    sequence_unresolved: bool = False,
) -> bool:
    """Whether an idempotent producer must hold a partition's first batch, which ends the drain of its node.

    A batch that has a sequence is a retry and waits for earlier ones in flight (`first_in_flight_sequence`, or
    NO_SEQUENCE); a new one waits while the fate of a sequence is unknown or an old producer id has batches in flight.

    Source: clients/src/main/java/org/apache/kafka/clients/producer/internals/RecordAccumulator.java
    Fidelity: exact
    """
    if not producer_id_valid:
        return True
    if first_base_sequence == NO_SEQUENCE:
        return stale_producer_id_in_flight or sequence_unresolved
    return first_in_flight_sequence not in (NO_SEQUENCE, first_base_sequence)


def gap_bumps_epoch(
    *, is_next_sequence: bool, sequence_unresolved: bool, follows_unresolved: bool = False, sequence_reset: bool = False
) -> bool:
    """Whether OUT_OF_ORDER_SEQUENCE_NUMBER makes an idempotent producer take a new epoch; it retries the batch anyway.

    `is_next_sequence`: the batch follows the last acknowledged one, so that the broker has lost something;
    `follows_unresolved`: it comes right after a batch whose fate is unknown.

    Source: clients/src/main/java/org/apache/kafka/clients/producer/internals/TransactionManager.java canRetry
    Fidelity: exact
    """
    if sequence_unresolved:
        return follows_unresolved
    return is_next_sequence and not sequence_reset


def reenqueue_index(queued_base_sequences: Sequence[int], base_sequence: int) -> int:
    """Where a batch to be retried goes in its queue: behind the retries with lower sequences, before all else.

    Source: clients/src/main/java/org/apache/kafka/clients/producer/internals/RecordAccumulator.java
    Fidelity: exact
    """
    index = 0
    for queued in queued_base_sequences:
        if queued == NO_SEQUENCE or queued >= base_sequence:
            break
        index += 1
    return index


def split_target_bytes(batch_size_bytes: int, size_bytes: int, largest_record_bytes: int, is_split: bool) -> int:
    """How large the parts of a batch may be that the broker finds too large: batch.size, later half of what it was.

    `largest_record_bytes` is the upper bound of a batch with the largest record alone, which is always let in.

    Source: clients/src/main/java/org/apache/kafka/clients/producer/internals/RecordAccumulator.java splitAndReenqueue
    Fidelity: exact
    """
    return max(largest_record_bytes, size_bytes // 2) if is_split else batch_size_bytes
