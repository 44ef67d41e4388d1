"""Batches that nobody reads at the moment, packed into few bytes each and read again as they were.

The simulator's own concern: a broker's log lies on disks, ours in the memory of a process that may have to hold hours
of it. What is compressed are columns of differences, in steady traffic the same number over and over.
"""

import pickle
import zlib
from collections.abc import Hashable, Iterable, Iterator, Sequence
from itertools import islice, repeat
from typing import Any

from sim.rules.storage.batch import RecordBatch, RecordColumns
from sim.rules.storage.steps import Steps

__all__ = ["Packed", "differences", "loosen", "squeeze", "sums"]

FASTEST = 1
"""zlib's level; the others gain little on such columns."""


class Packed:
    """Batches in a row as compressed columns; what is made of them again equals the batches, but is not the same.

    Batches with keys, values, headers or single times of sending keep their columns whole, and compress less.
    """

    __slots__ = ("_squeezed",)

    def __init__(self, batches: Sequence[RecordBatch]) -> None:
        producers = [batch.producer_id for batch in batches]
        self._squeezed = squeeze(
            (
                differences(repeat(0), [batch.base_offset for batch in batches]),
                [batch.leader_epoch for batch in batches],
                producers,
                [batch.producer_epoch for batch in batches],
                differences(producers, [batch.base_sequence for batch in batches]),
                [batch.is_transactional for batch in batches],
                [batch.is_control for batch in batches],
                _packed_columns([batch.columns for batch in batches]),
            )
        )

    @property
    def size_bytes(self) -> int:
        """Bytes of memory for all of them."""
        return len(self._squeezed)

    def batches(self) -> list[RecordBatch]:
        """The batches, made anew."""
        bases, epochs, producers, producer_epochs, sequences, transactional, control, columns = loosen(self._squeezed)
        headers = sums(repeat(0), bases), epochs, producers, producer_epochs, sums(producers, sequences)
        return list(map(RecordBatch, _columns(*columns), *headers, transactional, control))


def squeeze(columns: object) -> bytes:
    """Columns in few bytes."""
    return zlib.compress(pickle.dumps(columns, pickle.HIGHEST_PROTOCOL), FASTEST)


def loosen(squeezed: bytes) -> Any:
    """The columns that were squeezed."""
    return pickle.loads(zlib.decompress(squeezed))


def differences(groups: Iterable[Hashable], numbers: Iterable[int]) -> list[int]:
    """Each number less the one before it in its group, the first of a group less nothing."""
    before: dict[Hashable, int] = {}
    found = []
    for group, number in zip(groups, numbers, strict=False):
        found.append(number - before.get(group, 0))
        before[group] = number
    return found


def sums(groups: Iterable[Hashable], differences: Iterable[int]) -> list[int]:
    """The numbers that have these differences."""
    before: dict[Hashable, int] = {}
    found = []
    for group, difference in zip(groups, differences, strict=False):
        before[group] = number = before.get(group, 0) + difference
        found.append(number)
    return found


def _is_plain(columns: RecordColumns) -> bool:
    """Whether nothing is known of the records but sizes, timestamps and evenly spaced times of sending."""
    return (
        columns.keys is None
        and columns.values is None
        and columns.headers is None
        and columns.offset_deltas is None
        and isinstance(columns.timestamps_ms, Steps)
        and isinstance(columns.sent_at, range)
        and len(columns.sent_at) == columns.count
    )


def _packed_columns(columns: Sequence[RecordColumns]) -> tuple[Sequence[object], ...]:
    whole = [None if _is_plain(one) else one for one in columns]
    plain = [one for one, kept in zip(columns, whole, strict=True) if kept is None]
    origins = [one.origin for one in plain]
    runs = [one.timestamps_ms.runs() for one in plain if isinstance(one.timestamps_ms, Steps)]
    sent = [one.sent_at for one in plain if isinstance(one.sent_at, range)]
    return (
        whole,
        origins,
        differences(origins, [one.first_number for one in plain]),
        [one.size_bytes for one in plain],
        differences(origins, [times.start for times in sent]),
        [times.step for times in sent],
        [len(times) for times in runs],
        differences(repeat(0), [time_ms for times in runs for time_ms, _ in times]),
        [count for times in runs for _, count in times],
    )


def _columns(
    whole: Sequence[RecordColumns | None],
    origins: Sequence[str],
    numbers: Sequence[int],
    sizes_bytes: Sequence[int],
    starts: Sequence[int],
    steps: Sequence[int],
    run_counts: Sequence[int],
    times_ms: Sequence[int],
    counts: Sequence[int],
) -> Iterator[RecordColumns]:
    runs = zip(sums(repeat(0), times_ms), counts, strict=True)
    rest = zip(origins, sums(origins, numbers), sizes_bytes, sums(origins, starts), steps, run_counts, strict=True)
    for kept in whole:
        if kept is not None:
            yield kept
            continue
        origin, number, size_bytes, start, step, run_count = next(rest)
        timestamps_ms = Steps()
        for time_ms, count in islice(runs, run_count):
            timestamps_ms.extend(time_ms, count)
        count = len(timestamps_ms)
        sent_at = range(start, start + step * count, step)
        yield RecordColumns(count, timestamps_ms, size_bytes, None, None, None, sent_at, origin, number)
