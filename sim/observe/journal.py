"""The journal of a run: its facts in order, one JSON line each, and the hash that answers for all of them."""

import hashlib
import json
from array import array
from dataclasses import fields
from enum import Enum
from typing import Any

from sim.machine.facts import Facts
from sim.rules.facts.journal import JOURNAL, LogClosed
from sim.rules.storage.batch import RecordBatch, RecordColumns
from sim.rules.storage.steps import Steps
from sim.rules.topics import TopicPartition
from sim.world.cluster import Cluster

__all__ = ["Journal"]


class Journal:
    """Facts with their times; `lines` is what `facts.jsonl` holds."""

    def __init__(self, facts: Facts) -> None:
        self.facts: list[tuple[int, Any]] = []
        self._hashed = (-1, "")
        for kind in JOURNAL:
            facts.listen(kind, self._note)

    def _note(self, time: int, fact: object) -> None:
        self.facts.append((time, fact))

    def close(self, time: int, cluster: Cluster) -> None:
        """Add the content of every partition's log, so that the hash covers each record."""
        for name in cluster.partitions():
            leader, log = cluster.leader(name), cluster.log(name)
            watermark = -1 if leader is None else leader.high_watermark.value
            digest = hashlib.sha256()
            for batch in log.batches():
                _digest(digest, batch)
            closed = LogClosed(name, log.log_start_offset, watermark, log.log_end_offset, digest.hexdigest())
            self._note(time, closed)

    def lines(self) -> list[str]:
        """One JSON object per fact: `t` in seconds, `fact` its kind, then its fields."""
        return [line(time, fact) for time, fact in self.facts]

    def sha256(self) -> str:
        """The hash of all lines: equal for equal runs, whatever the process or the hash seed."""
        if self._hashed[0] != len(self.facts):
            digest = hashlib.sha256()
            for text in self.lines():
                digest.update(text.encode() + b"\n")
            self._hashed = len(self.facts), digest.hexdigest()
        return self._hashed[1]


def line(time: int, fact: Any) -> str:
    """A fact as one line of JSON; what is too large for a line (records) is left out."""
    content: dict[str, Any] = {"t": time / 1e9, "fact": type(fact).__name__}
    for field in fields(fact):
        value = getattr(fact, field.name)
        if field.repr:
            content[field.name] = _plain(value)
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False)


def _plain(value: Any) -> Any:
    if isinstance(value, TopicPartition):
        return str(value)
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    return value


def _digest(digest: Any, batch: RecordBatch) -> None:
    columns: RecordColumns = batch.columns
    head = (batch.base_offset, batch.leader_epoch, batch.size_bytes, batch.producer_id, batch.base_sequence)
    digest.update(repr(head).encode())
    times = columns.timestamps_ms
    digest.update(repr(times.runs()).encode() if isinstance(times, Steps) else array("q", times).tobytes())
    for column in (columns.keys, columns.values):
        for value in column or ():
            digest.update(b"-" if value is None else value)
