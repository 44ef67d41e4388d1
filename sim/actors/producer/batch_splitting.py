"""Splitting a batch that the broker finds too large for the topic.

Source: clients/src/main/java/org/apache/kafka/clients/producer/internals/ProducerBatch.java split;
    RecordAccumulator.java splitAndReenqueue
Fidelity: exact
"""

from sim.actors.producer.batch_compression import BatchCompression
from sim.actors.producer.producer_batch import ProducerBatch
from sim.rules.producer.batching import split_target_bytes
from sim.rules.storage.records import estimate_batch_size_upper_bound

__all__ = ["split"]


def split(
    batch: ProducerBatch, origin: str, batch_size_bytes: int, compression: BatchCompression | None = None
) -> list[ProducerBatch]:
    """Closed batches with the same records in the same order, as old as the one that was closed too large."""
    largest_bytes = max(_bound_bytes(batch, index) for index in ((0,) if batch.hollow else range(batch.count)))
    target_bytes = split_target_bytes(batch_size_bytes, batch.size_bytes, largest_bytes, batch.is_part)
    parts: list[ProducerBatch] = []
    index = 0
    while index < batch.count:
        part = ProducerBatch(
            batch.partition,
            max(_bound_bytes(batch, index), target_bytes),
            batch.created,
            batch.first_number + index,
            compression,
            is_part=True,
        )
        index += _fill(part, batch, index)
        part.close(origin)
        parts.append(part)
    return parts


def _fill(part: ProducerBatch, batch: ProducerBatch, first: int) -> int:
    """Copy records from the one with index `first` on as long as they fit; returns how many."""
    if batch.hollow:
        taken = part.fill(batch.value_size, batch.sent_at[first:], batch.timestamps_ms[first])
        part.timestamps_ms = batch.timestamps_ms[first : first + taken]
        return taken
    for index in range(first, batch.count):
        headers = batch.headers[index] if batch.headers is not None else ()
        if not part.try_append(
            batch.timestamps_ms[index], batch.keys[index], batch.values[index], headers, batch.sent_at[index]
        ):
            return index - first
    return batch.count - first


def _bound_bytes(batch: ProducerBatch, index: int) -> int:
    if batch.hollow:
        return estimate_batch_size_upper_bound(None, batch.value_size)
    key, value = batch.keys[index], batch.values[index]
    return estimate_batch_size_upper_bound(
        None if key is None else len(key),
        None if value is None else len(value),
        batch.headers[index] if batch.headers is not None else (),
    )
