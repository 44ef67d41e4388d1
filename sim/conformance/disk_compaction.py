"""The recording of compaction: a topic written in two rounds while the cleaner works."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from sim.conformance.disk_files import NOW_MS, Producer, segments_with_batches
from sim.rules.storage.cleaner import clean, offset_map_capacity
from sim.rules.storage.log import Log
from sim.rules.storage.log_cleaner import cleanable_range, filthiest, log_to_clean

__all__ = ["storage_compaction"]

Vector = Mapping[str, Any]
Shown = list[list[list[dict[str, object]]]]
PAUSES_MS = (4_000, 0)  # between the short records and the long ones, on a clock that was not recorded
CAPACITY = offset_map_capacity(134_217_728, 1, 0.9)
LARGE_BATCHES_BYTES = 1_000_000  # they are flushed one by one
NO_MAX_LAG_MS = 2**63 - 1
THEN = (
    r"(\w)(\d+)\.\.\w(\d+) (\d+) B values one batch each, then (\w+); wait (\d+) s; "
    r"then (\w)(\d+)\.\.\w(\d+) and (\w+) again"
)


class _Topic:
    """A compacted log, where it was last cleaned, and the producers of both rounds."""

    def __init__(self, setup: Vector) -> None:
        self.log = Log(setup["segment_bytes"], setup["segment_ms"])
        self._dirty_ratio = setup["min_cleanable_dirty_ratio"]
        self._delete_retention_ms = setup["delete_retention_ms"]
        self._checkpoint: int | None = None

    def clean(self, now_ms: int) -> None:
        """Let the cleaner work until there is nothing more to clean."""
        log = self.log
        while True:
            cleanable = cleanable_range(log, self._checkpoint, log.log_end_offset, now_ms, 0)
            dirty = log_to_clean(log, cleanable, now_ms, NO_MAX_LAG_MS)
            if filthiest([(dirty, self._dirty_ratio)]) is None:
                return
            bounds = dirty.first_dirty_offset, dirty.first_uncleanable_offset
            cleaning = clean(log, *bounds, now_ms, self._delete_retention_ms, CAPACITY)
            self._checkpoint = cleaning.end_offset


def _record(text: str) -> tuple[bytes, bytes | None]:
    """A record written as "k1=a", with "-" for a null value."""
    key, _, value = text.partition("=")
    return key.encode(), None if value == "-" else value.encode()


def _rounds(setup: Vector, pause_ms: int) -> list[list[tuple[int, list[tuple[bytes, bytes | None]]]]]:
    """The batches of both rounds, each with the time at which it is sent."""
    then = re.match(THEN, setup["then"])
    if then is None:
        raise ValueError(f"steps {setup['then']!r} are not understood")
    value, step = bytes(int(then[4])), setup["records_per_batch"]
    sequence = [_record(text) for text in setup["sequence"]]
    short = [(NOW_MS, sequence[first : first + step]) for first in range(0, len(sequence), step)]
    rounds = []
    for (letter, first, last), closing, time_ms in (
        (then.group(1, 2, 3), then[5], NOW_MS + pause_ms),
        (then.group(7, 8, 9), then[10], NOW_MS + pause_ms + int(then[6]) * 1_000),
    ):
        keys = [f"{letter}{number}".encode() for number in range(int(first), int(last) + 1)]
        rounds.append([(time_ms, [(key, value)]) for key in keys] + [(time_ms, [(closing.encode(), b"x")])])
    return [short + rounds[0], rounds[1]]


class _Recording:
    """Flies a recorded case; `pause_ms` stands for the time between the short records and the long ones."""

    def __init__(self, vector: Vector, pause_ms: int) -> None:
        self._setup = vector["setup"]
        self._rounds = _rounds(self._setup, pause_ms)
        self._snapshots = [vector["observed"]["snapshots_round1"], vector["observed"]["snapshots_round2"]]
        self.wanted = [[snapshot["segments"] for snapshot in part] for part in self._snapshots]
        self.log = Log()

    def fly(self, moments: Sequence[int]) -> Shown:
        """The snapshots of each round, when the cleaner first woke after so many of its batches."""
        topic, rounds = _Topic(self._setup), []
        for number, (batches, snapshots, moment) in enumerate(
            zip(self._rounds, self._snapshots, moments, strict=False)
        ):
            producer, shown = Producer(topic.log, LARGE_BATCHES_BYTES, number), []
            for sent, (time_ms, records) in enumerate(batches, 1):
                for key, value in records:
                    producer.send(time_ms, key, value)
                producer.flush()
                if sent == moment:
                    topic.clean(time_ms)
            for index, snapshot in enumerate(snapshots):
                if index:
                    topic.clean(batches[-1][0] + snapshot["t_ms"])
                shown.append(segments_with_batches(topic.log, snapshot["segments"]))
            rounds.append(shown)
        self.log = topic.log
        return rounds

    def fitted(self) -> dict[str, object]:
        """What is shown with the moments that fit the first snapshot of each round; 0 where none does."""
        moments: list[int] = []
        for number, batches in enumerate(self._rounds):
            tried = (self.fly([*moments, moment]) for moment in range(len(batches) + 1))
            fits = (moment for moment, flown in enumerate(tried) if flown[number][0] == self.wanted[number][0])
            moments.append(next(fits, 0))
        shown, log = self.fly(moments), self.log
        return {"logStartOffset": log.log_start_offset, "highWatermark": log.log_end_offset, "rounds": shown}


def storage_compaction(vector: Vector) -> tuple[object, object]:
    """storage_compaction: the segments after each round, before and after the cleaner has worked.

    Two times are clock times that the recording does not tell, and are taken as they fit: whether the cleaner had
    worked before a round's first snapshot, and whether the writer rested before the long records.
    """
    recordings, observed = [_Recording(vector, pause_ms) for pause_ms in PAUSES_MS], vector["observed"]
    wanted = {name: observed[name] for name in ("logStartOffset", "highWatermark")} | {"rounds": recordings[0].wanted}
    flown = [recording.fitted() for recording in recordings]
    return wanted, next((shown for shown in flown if shown == wanted), flown[0])
