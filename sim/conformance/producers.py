"""Producers: partitions of keys, sequence numbers, transactions in one log, states of a transactional id."""

import re
from collections.abc import Mapping
from typing import Any

from sim.rules.errors import KafkaError
from sim.rules.producer.partitioner import murmur2, partition_for_key, to_positive
from sim.rules.producer.producer_state_entry import AppendOrigin
from sim.rules.replication.high_watermark import follower_high_watermark
from sim.rules.storage.batch import RecordBatch, RecordColumns
from sim.rules.storage.log import Log
from sim.rules.transactions.transaction_metadata import TransactionState, is_valid_transition
from sim.rules.transactions.transactions import EndTransactionMarker, end_transaction_batch, visible_batches

__all__ = ["idempotent_sequences", "murmur2_partition", "transactions_lso", "txn_state_transition"]

EVERYTHING = 1 << 30
OPERATION = re.compile(r"(?P<kind>[pdcah])(?P<who>\d+|L)(?::(?P<count>\d+))?")


def murmur2_partition(vector: Mapping[str, Any]) -> tuple[object, object]:
    """The hash of a key and its partition among several counts of partitions."""
    key, counts = bytes.fromhex(vector["key_hex"]), vector["partition_by_count"]
    expected = [vector["murmur2_int32"], vector["to_positive"], counts]
    hashed = murmur2(key)
    return expected, [hashed, to_positive(hashed), {count: partition_for_key(key, int(count)) for count in counts}]


def txn_state_transition(vector: Mapping[str, Any]) -> tuple[object, object]:
    """Whether a transactional id may go from one state to another."""
    return vector["valid"], is_valid_transition(TransactionState(vector["from"]), TransactionState(vector["to"]))


def idempotent_sequences(vector: Mapping[str, Any]) -> tuple[object, object]:
    """What becomes of each batch, where it lies, and where the log ends then."""
    log, expected, got = Log(), [], []
    for step in vector["appends"]:
        result = step["result"]
        expected.append([result, step["error" if result == "error" else "base_offset"], step["log_end_offset"]])
        producer_id, epoch, sequence, count = (int(part) for part in step["batch"].split(":"))
        try:
            placed = log.append_as_leader(batch_of(count, producer_id, epoch, sequence), 0)
        except KafkaError as error:
            got.append(["error", exception_name(error), log.log_end_offset])
        else:
            kind = "duplicate_ack" if placed.duplicate else "appended"
            got.append([kind, placed.batch.base_offset, log.log_end_offset])
    return expected, got


def batch_of(count: int, producer_id: int = -1, epoch: int = -1, sequence: int = -1, value: str = "") -> RecordBatch:
    """A batch of records alike; with a producer id and no sequence it is that of a coordinator."""
    columns = RecordColumns.of([0] * count, None, [value.encode()] * count)
    return RecordBatch(columns, producer_id=producer_id, producer_epoch=epoch, base_sequence=sequence)


def exception_name(error: KafkaError) -> str:
    """Kafka's name of the exception."""
    return type(error).__name__.removesuffix("Error") + "Exception"


def transactions_lso(vector: Mapping[str, Any]) -> tuple[object, object]:
    """Offsets after each operation, the aborted index, and what a read_committed reader gets from offset 0."""
    trace = LogTrace()
    got = {"steps": [trace.apply(operation) for operation in vector["ops"].split()], **trace.outcome()}
    expected = {name: vector[name] for name in ("steps", "aborted_txns", "fetch_read_committed_from_0")}
    return expected, got


class LogTrace:
    """A log, its high watermark and its producers' next sequence numbers."""

    def __init__(self) -> None:
        self.log = Log()
        self.high_watermark = 0
        self.sequences: dict[int, int] = {}

    def apply(self, operation: str) -> dict[str, Any]:
        """Do one operation; the offsets after it. Raises ValueError for one that the language does not have."""
        parts = OPERATION.fullmatch(operation)
        if parts is None:
            raise ValueError(f"{operation!r} is no operation")
        log, kind, who, count = self.log, parts["kind"], parts["who"], int(parts["count"] or 1)
        if kind == "h":
            asked = log.log_end_offset if who == "L" else int(who)
            self.high_watermark = follower_high_watermark(asked, log.log_start_offset, log.log_end_offset)
            log.on_high_watermark_updated(self.high_watermark)
        elif kind == "p":
            log.append_as_leader(batch_of(int(who)), 0)
        elif kind == "d":
            self._write(int(who), count)
        else:
            marker = end_transaction_batch(int(who), 0, EndTransactionMarker(kind == "c", 0), 0)
            log.append_as_leader(marker, 0, AppendOrigin.COORDINATOR)
        return {
            "op": operation,
            "log_end_offset": log.log_end_offset,
            "high_watermark": self.high_watermark,
            "last_stable_offset": log.last_stable_offset(self.high_watermark),
            "first_unstable_offset": log.first_unstable_offset,
        }

    def _write(self, producer_id: int, count: int) -> None:
        sequence = self.sequences.get(producer_id, 0)
        batch = batch_of(count, producer_id, 0, sequence)
        batch.is_transactional = True
        self.log.append_as_leader(batch, 0)
        self.sequences[producer_id] = sequence + count

    def outcome(self) -> dict[str, Any]:
        """The aborted index and a read of everything that is stable."""
        log = self.log
        read = log.read(0, EVERYTHING, log.last_stable_offset(self.high_watermark))
        aborted = log.aborted_transactions(0, read)
        visible = [record.offset for batch in visible_batches(read.batches, aborted) for record in batch.records()]
        brief = [{"producer_id": entry.producer_id, "first_offset": entry.first_offset} for entry in aborted]
        return {
            "aborted_txns": [entry._asdict() for entry in log.aborted.entries],
            "fetch_read_committed_from_0": {"aborted_list": brief, "visible_data_offsets": visible},
        }
