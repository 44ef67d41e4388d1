"""Older batches of a segment in packed parts, each with what Kafka's two indexes have of it."""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from itertools import accumulate, repeat
from typing import Any

from sim.rules.storage.batch import RecordBatch
from sim.rules.storage.packed import Packed, differences, loosen, squeeze, sums

__all__ = ["PART_COUNT", "PackedParts", "Part"]

PART_COUNT = 1_024
"""Batches in a part; only the last part of a closed segment has fewer."""


@dataclass(slots=True, eq=False)
class Part:
    """Batches in a row, their first offsets and bytes, and the entries that they have in the two indexes."""

    batches: list[RecordBatch] = field(default_factory=list)
    base_offsets: list[int] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    index_positions: list[int] = field(default_factory=list)
    index_offsets: list[int] = field(default_factory=list)
    time_index: list[tuple[int, int]] = field(default_factory=list)

    def index_of(self, offset: int) -> int:
        """Index of the first batch that ends at or after an offset; the number of batches when none does."""
        index = bisect_right(self.base_offsets, offset) - 1
        if index < 0:
            return 0
        return index if self.batches[index].last_offset >= offset else index + 1

    def upper_bound_offset(self, position: int) -> int | None:
        """The offset in the first entry of the offset index at or behind a position, None when there is none."""
        index = bisect_left(self.index_positions, position)
        return self.index_offsets[index] if index < len(self.index_offsets) else None

    def take(self, count: int) -> "Part":
        """Cut off the first batches with their entries; the last entry of the time index stays here."""
        end_offset = self.batches[count - 1].next_offset
        indexed = bisect_left(self.index_offsets, end_offset)
        last = max(0, len(self.time_index) - 1)
        timed = bisect_left(self.time_index, end_offset, 0, last, key=lambda entry: entry[1])
        counts = count, count, count, indexed, indexed, timed
        taken = Part(*(column[:size] for column, size in zip(self._columns(), counts, strict=True)))
        for column, size in zip(self._columns(), counts, strict=True):
            del column[:size]
        return taken

    def put_before(self, part: "Part") -> None:
        """Put the batches and entries of an older part in front."""
        for column, older in zip(self._columns(), part._columns(), strict=True):
            column[:0] = older

    def _columns(self) -> tuple[list[Any], ...]:
        return (
            self.batches,
            self.base_offsets,
            self.positions,
            self.index_positions,
            self.index_offsets,
            self.time_index,
        )


class PackedParts:
    """Parts in order, all but perhaps the last of PART_COUNT batches; the one that was read last is kept at hand.

    The counts are those of batches and of entries in the indexes.
    """

    __slots__ = (
        "_batches",
        "_entries",
        "_last_read",
        "base_offsets",
        "count",
        "offset_entry_count",
        "positions",
        "time_entry_count",
    )

    def __init__(self) -> None:
        self._batches: list[Packed] = []
        self._entries: list[bytes] = []
        self._last_read: tuple[int, Part] | None = None
        self.base_offsets: list[int] = []
        self.positions: list[int] = []
        self.count = self.offset_entry_count = self.time_entry_count = 0

    def __len__(self) -> int:
        return len(self._batches)

    def __getitem__(self, number: int) -> Part:
        if self._last_read is None or self._last_read[0] != number:
            self._last_read = number, self._unpacked(number)
        return self._last_read[1]

    def add(self, part: Part) -> None:
        """Pack the next part."""
        indexed = [bisect_left(part.positions, position) for position in part.index_positions]
        times_ms, offsets = zip(*part.time_index, strict=True) if part.time_index else ((), ())
        self._batches.append(Packed(part.batches))
        self._entries.append(squeeze([differences(repeat(0), column) for column in (indexed, times_ms, offsets)]))
        self.base_offsets.append(part.base_offsets[0])
        self.positions.append(part.positions[0])
        self.count += len(part.batches)
        self.offset_entry_count += len(part.index_offsets)
        self.time_entry_count += len(part.time_index)

    def _unpacked(self, number: int) -> Part:
        batches = self._batches[number].batches()
        positions = list(accumulate((batch.size_bytes for batch in batches[:-1]), initial=self.positions[number]))
        indexed, times_ms, offsets = (sums(repeat(0), column) for column in loosen(self._entries[number]))
        return Part(
            batches,
            [batch.base_offset for batch in batches],
            positions,
            [positions[index] for index in indexed],
            [batches[index].last_offset for index in indexed],
            list(zip(times_ms, offsets, strict=True)),
        )
