"""Adapters for the vectors of the log: sizes, segments, reads, retention and compaction.

Each takes a vector and returns what Kafka answered and what the rules answer.
"""

import re
from collections.abc import Mapping
from itertools import repeat
from typing import Any

from sim.conformance.reading import MissingFieldError
from sim.rules.errors import KafkaError, OffsetOutOfRangeError, RecordBatchTooLargeError
from sim.rules.storage.batch import RecordBatch, RecordColumns
from sim.rules.storage.cleaner import clean
from sim.rules.storage.local_log import LocalLog
from sim.rules.storage.log import Log, RecordTooLargeError
from sim.rules.storage.log_cleaner import cleanable_range, log_to_clean
from sim.rules.storage.records import (
    LOG_OVERHEAD,
    MAX_RECORD_OVERHEAD,
    RECORD_BATCH_OVERHEAD_BYTES,
    Header,
    estimate_batch_size_upper_bound,
    record_size_bytes,
    varlong_size,
)
from sim.rules.storage.records import varint_size as int_varint_size
from sim.rules.storage.retention import RetentionPolicy, delete_old_segments

__all__ = [
    "compaction",
    "log_reads",
    "record_batch_constants",
    "record_batch_size",
    "retention",
    "segment_roll_size",
    "segment_roll_time",
    "varint_size",
]

Vector = Mapping[str, Any]
Compared = tuple[object, object]
_KAFKA_NAMES = {
    OffsetOutOfRangeError: "OffsetOutOfRangeException",
    RecordBatchTooLargeError: "RecordBatchTooLargeException",
    RecordTooLargeError: "RecordTooLargeException",
}
_NO_MAP_LIMIT = 2**31
UPPER_BOUND = re.compile(r"estimateBatchSizeUpperBound_key(\d+)_val(\d+)")


def layout(log: LocalLog) -> list[dict[str, int]]:
    """The segments of a log as the vectors write them."""
    return [{"base_offset": segment.base_offset, "bytes": segment.size_bytes} for segment in log.segments]


def one_batch(timestamps_ms: list[int], key: bytes | None, value: bytes | None) -> RecordBatch:
    """A batch of records alike but for their timestamps."""
    count = len(timestamps_ms)
    return RecordBatch(RecordColumns.of(timestamps_ms, [key] * count, [value] * count))


def varint_size(vector: Vector) -> Compared:
    """varint_size: the length of a number as varint or varlong."""
    value = vector["value"]
    if "zigzag_varlong_bytes" in vector:
        return vector["zigzag_varlong_bytes"], varlong_size(value)
    return vector["zigzag_varint_bytes"], int_varint_size(value)


def record_batch_constants(document: Vector) -> Compared:
    """record_batch_constants: overheads, and the header whose fields add up to the first of them."""
    wanted = dict(document["record_batch_constants"])
    got: dict[str, object] = {
        "RECORD_BATCH_OVERHEAD": RECORD_BATCH_OVERHEAD_BYTES,
        "LOG_OVERHEAD": LOG_OVERHEAD,
        "MAX_RECORD_OVERHEAD": MAX_RECORD_OVERHEAD,
    }
    bounds = [found for found in map(UPPER_BOUND.fullmatch, wanted) if found]
    if not bounds:
        raise MissingFieldError("record_batch_constants.estimateBatchSizeUpperBound_key…_val…")
    got |= {bound[0]: estimate_batch_size_upper_bound(int(bound[1]), int(bound[2])) for bound in bounds}
    header_bytes = sum(document["header_layout_bytes"].values())
    return {**wanted, "header": header_bytes}, {**got, "header": RECORD_BATCH_OVERHEAD_BYTES}


def _headers(vector: Vector) -> list[Header]:
    """Headers with as many bytes as those of the vector, which names only their number; from its upper bound."""
    count = vector["headers"]
    if not count:
        return []
    bare = estimate_batch_size_upper_bound(vector["key_len"], vector["value_len"])
    each = (vector["estimated_upper_bound_1rec"] - bare) // count
    name, value_size = next(
        (name, size)
        for name in ("h", "h0")
        for size in range(each)
        if 1 + len(name) + int_varint_size(size) + size == each
    )
    return [(name, bytes(value_size))] * count


def record_batch_size(vector: Vector) -> Compared:
    """record_batch_size: bytes of a batch, of its first record, and the producer's estimate."""
    count, key_size, value_size = vector["records"], vector["key_len"], vector["value_len"]
    headers, step_ms, base_offset = _headers(vector), vector["timestamp_step_ms"], vector["base_offset"]
    key = None if key_size is None else bytes(key_size)
    value = None if value_size is None else bytes(value_size)
    timestamps_ms = [index * step_ms for index in range(count)]
    columns = RecordColumns.of(timestamps_ms, [key] * count, [value] * count, [headers] * count)
    batch = RecordBatch(columns, base_offset)
    got = {
        "batch_bytes": batch.size_bytes,
        "estimated_upper_bound_1rec": estimate_batch_size_upper_bound(key_size, value_size, headers),
        "last_offset": batch.last_offset,
        "next_offset": batch.next_offset,
        "max_timestamp_delta": batch.max_timestamp_ms - batch.base_timestamp_ms,
        "first_record_bytes": record_size_bytes(0, 0, key_size, value_size, headers),
    }
    return {name: vector[name] for name in got}, got


def segment_roll_size(vector: Vector) -> Compared:
    """segment_roll_size: alike batches appended one by one."""
    log = Log(segment_bytes=vector["segment_bytes"])
    key = None if vector["key"] is None else vector["key"].encode()
    batch = one_batch([0] * vector["records_per_batch"], key, bytes(vector["value_bytes"]))
    error = None
    for _ in range(vector["batches"]):
        try:
            log.append_as_leader(batch, 0)
        except KafkaError as refused:
            error = _KAFKA_NAMES[type(refused)]
    got = (batch.size_bytes, layout(log), log.log_end_offset, error)
    return (vector["batch_bytes"], vector["segments"], vector["log_end_offset"], vector.get("error")), got


def segment_roll_time(vector: Vector) -> Compared:
    """segment_roll_time: batches with given timestamps, and the segment that each went to."""
    log = Log(segment_ms=vector["segment_ms"], segment_jitters_ms=repeat(vector["segment_jitter_ms"]))
    wanted, last = [append["segment_base_offset"] for append in vector["appends"]], vector["segments"][-1]
    size_bytes = last["bytes"] // max(1, wanted.count(last["base_offset"]))
    got = []
    for append in vector["appends"]:
        log.append_as_leader(RecordBatch(RecordColumns(1, [append["record_timestamp_ms"]], size_bytes)), 0)
        got.append(log.segments[-1].base_offset)
    return (wanted, vector["segments"]), (got, layout(log))


def log_reads(vector: Vector) -> Compared:
    """log_reads: reads of one log under the three bounds; without transactions the stable offset is the watermark."""
    shape = r"(\d+) batches x (\d+) records, value (\d+) bytes null key.*segment\.bytes=(\d+), HW=(\d+)"
    found = re.match(shape, vector["setup"])
    if found is None:
        raise ValueError(f"setup {vector['setup']!r} is not understood")
    batches, count, value_size, segment_bytes, high_watermark = map(int, found.groups())
    log = Log(segment_bytes=segment_bytes)
    for number in range(batches):
        log.append_as_leader(one_batch([number * 1_000] * count, None, bytes(value_size)), 0)
    bounds = {"log_end": log.log_end_offset, "high_watermark": high_watermark, "txn_committed": high_watermark}
    reads = [_read(log, wanted, bounds[wanted["isolation"]]) for wanted in vector["reads"]]
    return (vector["segments"], vector["reads"]), (layout(log), reads)


def _read(log: Log, wanted: Vector, bound: int) -> dict[str, object]:
    request = {name: wanted[name] for name in ("start_offset", "max_bytes", "min_one_message", "isolation")}
    try:
        answer = log.read(wanted["start_offset"], wanted["max_bytes"], bound, wanted["min_one_message"])
    except KafkaError as refused:
        return {**request, "error": _KAFKA_NAMES[type(refused)]}
    offsets = [batch.base_offset for batch in answer.batches]
    return {**request, "bytes": answer.size_bytes, "batch_base_offsets": offsets}


def retention(vector: Vector) -> Compared:
    """retention: old segments deleted at given times."""
    config, default = vector["config"], RetentionPolicy()
    retention_ms = config.get("retention.ms", default.retention_ms)
    retention_bytes = config.get("retention.bytes", default.retention_bytes)
    policy = RetentionPolicy.of(config.get("cleanup.policy", "delete").split(","), retention_ms, retention_bytes)
    log = Log(segment_bytes=vector["segment_bytes"])
    for number, timestamp_s in enumerate(vector["record_timestamps_s"]):
        key = vector["key"].replace("<i>", str(number)).encode()
        batch = one_batch([timestamp_s * 1_000], key, bytes(vector["value_bytes"]))
        log.append_as_leader(batch, 0)
    before = [batch.size_bytes for batch in log.batches()][:1], layout(log)
    checks = []
    for check in vector["checks"]:
        removed = delete_old_segments(log, vector["high_watermark"], check["broker_time_s"] * 1_000, policy)
        checks.append({
            "broker_time_s": check["broker_time_s"],
            "segments_deleted": len(removed),
            "log_start_offset": log.log_start_offset,
            "log_end_offset": log.log_end_offset,
            "segments": layout(log),
        })  # fmt: skip
    return (([vector["batch_bytes"]], vector["segments_before"]), vector["checks"]), (before, checks)


def compaction(vector: Vector) -> Compared:
    """compaction: rounds of the cleaner; before each later one a record is appended and the active segment rolled."""
    log = Log(segment_bytes=vector["segment_bytes"])
    for record in vector["records"]:
        log.append_as_leader(one_batch([0], _bytes(record["key"]), _bytes(record["value"])), 0)
    log.roll(log.log_end_offset)
    before, passes = layout(log), []
    checkpoint: int | None = None
    for number, wanted in enumerate(vector["passes"]):
        now_ms = wanted["clock_ms"]
        if number:
            log.append_as_leader(one_batch([now_ms], f"f{now_ms % 89}".encode(), b"x"), 0)
            log.roll(log.log_end_offset)
        dirty = log_to_clean(log, cleanable_range(log, checkpoint, log.log_end_offset, now_ms, 0), now_ms, 2**63 - 1)
        first_dirty_offset, first_uncleanable_offset = dirty.first_dirty_offset, dirty.first_uncleanable_offset
        retention_ms = vector["delete_retention_ms"]
        cleaning = clean(log, first_dirty_offset, first_uncleanable_offset, now_ms, retention_ms, _NO_MAP_LIMIT)
        checkpoint = cleaning.end_offset
        passes.append({
            "clock_ms": now_ms,
            "first_dirty_offset": first_dirty_offset,
            "next_dirty_offset": cleaning.end_offset,
            "surviving": _surviving(log),
            "log_start_offset": log.log_start_offset,
            "log_end_offset": log.log_end_offset,
            "segment_base_offsets": [segment.base_offset for segment in log.segments],
        })  # fmt: skip
    return (vector["segments_before_clean"], vector["passes"]), (before, passes)


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else text.encode()


def _surviving(log: Log) -> list[dict[str, object]]:
    return [
        {
            "offset": record.offset,
            "key": None if record.key is None else record.key.decode(),
            "value": None if record.value is None else record.value.decode(),
        }
        for batch in log.batches()
        for record in batch.records()
    ]
