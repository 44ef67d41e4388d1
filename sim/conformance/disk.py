"""Adapters for the recordings of a broker's disk: files, batches and records to the byte.

Clock times are not compared. Where a recording does not say when a record was sent or a background task ran, a fixed
clock stands in: only the distances between its times matter.
"""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from sim.conformance.disk_files import (
    NOW_MS,
    Producer,
    alike,
    content,
    file_name,
    segments_with_batches,
    state,
    timestamps,
)
from sim.rules.errors import KafkaError
from sim.rules.storage.batch import NO_PRODUCER_ID, RecordBatch
from sim.rules.storage.log import Log
from sim.rules.storage.records import Header
from sim.rules.storage.retention import RetentionPolicy, delete_old_segments, delete_records

__all__ = [
    "storage_batch_bytes",
    "storage_batch_splitting",
    "storage_delete_records",
    "storage_retention",
    "storage_segment_roll",
]

Vector = Mapping[str, Any]
Compared = tuple[object, object]
IN_2023_MS = 1_700_000_000_000
KEY_BYTES, VALUE_BYTES, SEGMENT_BYTES = 4, 990, 1_048_576  # of the recordings that do not tell them


def storage_batch_bytes(vector: Vector) -> Compared:
    """storage_batch_bytes: batches of one producer in one file, each record's size with its headers."""
    setup, observed = vector["setup"], vector["observed"]
    log = Log()
    producer = Producer(log, setup["batch_size"], 1 if setup["idempotent"] else NO_PRODUCER_ID)
    headers = _headers(setup)
    for timestamp_ms in timestamps(setup["timestamps"], setup["records"]):
        producer.send(timestamp_ms, content(setup["key_len"], b"k"), content(setup["value_len"], b"v"), headers)
    producer.flush()
    return observed, {**state(log), "segments": segments_with_batches(log, observed["segments"], kinds=True)}


def _headers(setup: Vector) -> list[Header]:
    """Headers h0, h1 and so on, with value sizes written as "5+j, h1 null"."""
    least, nulls = re.match(r"(\d+)", setup["header_value_len"]), re.findall(r"(h\d+) null", setup["header_value_len"])
    size = int(least[0]) if least else 0
    names = [f"h{number}" for number in range(setup["headers"])]
    return [(name, None if name in nulls else bytes(size + number)) for number, name in enumerate(names)]


def storage_batch_splitting(vector: Vector) -> Compared:
    """storage_batch_splitting: where one batch ends and the next begins."""
    setup, observed = vector["setup"], vector["observed"]
    log = Log()
    producer = Producer(log, setup["batch_size"])
    for timestamp_ms in timestamps(setup["timestamps"], setup["records"]):
        producer.send(timestamp_ms, content(setup["key_len"], b"k"), content(setup["value_len"], b"v"))
    producer.flush()
    batches = [[batch.base_offset, batch.last_offset, batch.size_bytes] for batch in log.batches()]
    got = {"logStartOffset": 0, "highWatermark": log.log_end_offset}
    return observed, {**got, "batches_base_last_bytes": batches, "file_bytes": log.size_bytes}


def storage_segment_roll(vector: Vector) -> Compared:
    """storage_segment_roll: files, and the number of batches in each."""
    setup = vector["setup"]
    log = Log(setup["segment_bytes"])
    for batch in alike(setup, timestamps(setup["timestamps"], setup["records"])):
        log.append_as_leader(batch, 0)
    per_segment = [
        {
            "file": file_name(segment.base_offset),
            "first_batch_bytes": segment.batches[0].size_bytes,
            "n_batches": len(segment.batches),
        }
        for segment in log.segments
    ]
    return vector["observed"], {**state(log), "per_segment": per_segment}


def storage_delete_records(vector: Vector) -> Compared:
    """storage_delete_records: the directory before, right after each request, and after the next check of retention."""
    setup = {"key_len": KEY_BYTES, "value_len": VALUE_BYTES, "segment_bytes": SEGMENT_BYTES, **vector["setup"]}
    offsets = re.findall(r"\bbefore (-?\d+)", setup["action"])
    if not offsets:
        raise ValueError(f"action {setup['action']!r} is not understood")
    log, policy = Log(setup["segment_bytes"]), RetentionPolicy(retention_ms=-1)
    for batch in alike(setup, timestamps(f"{IN_2023_MS}+i", setup["records"])):
        log.append_as_leader(batch, 0)
    states = [state(log)]
    for offset in offsets:
        with suppress(KafkaError):
            delete_records(log, int(offset), log.log_end_offset, policy)
        states.append(state(log))
        delete_old_segments(log, log.log_end_offset, NOW_MS, policy)
        states.append(state(log))
    return vector["observed"], states


def storage_retention(vector: Vector) -> Compared:
    """storage_retention: the directory after producing, and as it changes.

    A check that ran meanwhile is known by the log start offset that it left: it came when that many records were there.
    """
    setup, snapshots = vector["setup"], vector["observed"]["snapshots"]
    wall_clock = f"{vector['id']} (wall clock" in setup["note"]
    timestamps_ms = [NOW_MS] * setup["records"] if wall_clock else timestamps(f"{IN_2023_MS}+i", setup["records"])
    batches = list(alike(setup, timestamps_ms))
    start_offset, policy = snapshots[0]["logStartOffset"], _policy(setup["config"])
    fewest, most = 0, len(batches) if start_offset else 0
    while fewest < most:
        middle = (fewest + most) // 2
        if _produced(setup, batches[:middle], middle, policy).log_start_offset < start_offset:
            fewest = middle + 1
        else:
            most = middle
    log = _produced(setup, batches, fewest, policy)
    states = [state(log)]
    for snapshot in snapshots[1:]:
        delete_old_segments(log, log.log_end_offset, NOW_MS + snapshot["t_ms"], policy)
        states.append(state(log))
    wanted = [{name: part for name, part in snapshot.items() if name != "t_ms"} for snapshot in snapshots]
    return wanted, states


def _policy(config: Mapping[str, str]) -> RetentionPolicy:
    """A topic's policy; retention.ms is -1 in these recordings unless a case says otherwise."""
    default_ms = RetentionPolicy().retention_ms if "retention.default" in config else -1
    retention_ms = int(config.get("retention.ms", default_ms))
    return RetentionPolicy.of(
        config.get("cleanup.policy", "delete").split(","), retention_ms, int(config.get("retention.bytes", -1))
    )


def _produced(setup: Vector, batches: Sequence[RecordBatch], check_after: int, policy: RetentionPolicy) -> Log:
    """A log of these batches with one check of retention after so many of them, none for 0."""
    config = setup["config"]
    log = Log(int(config["segment.bytes"]), int(config.get("segment.ms", 604_800_000)))
    for number, batch in enumerate(batches, 1):
        log.append_as_leader(batch, 0)
        if number == check_after:
            delete_old_segments(log, log.log_end_offset, NOW_MS, policy)
    return log
