"""Records that did not fare as they should: counted at once, written out when somebody looks at them."""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import overload

__all__ = ["Fates", "RecordFate"]


@dataclass(frozen=True, slots=True)
class RecordFate:
    """One record that did not fare as it should; `number` counts what its producer sent to the partition."""

    partition: str
    producer: str
    number: int
    key: str | None
    sent_s: float | None
    acknowledged_s: float | None
    cause: str


class Fates(Sequence[RecordFate]):
    """Fates in order, kept as indexes into batches: a run that ends early may have millions of records unread."""

    __hash__ = None  # type: ignore[assignment]
    __slots__ = ("_batches", "_ends")

    def __init__(self) -> None:
        self._batches: list[tuple[Sequence[int], Callable[[int], RecordFate]]] = []
        self._ends: list[int] = []

    def add(self, indexes: Sequence[int], fate: Callable[[int], RecordFate]) -> None:
        """Records of one batch, and what makes the fate of one of its index."""
        if indexes:
            self._ends.append(len(self) + len(indexes))
            self._batches.append((indexes, fate))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def __iter__(self) -> Iterator[RecordFate]:
        for indexes, fate in self._batches:
            yield from map(fate, indexes)

    @overload
    def __getitem__(self, place: int) -> RecordFate: ...

    @overload
    def __getitem__(self, place: slice) -> list[RecordFate]: ...

    def __getitem__(self, place: int | slice) -> RecordFate | list[RecordFate]:
        if isinstance(place, slice):
            return [self[number] for number in range(*place.indices(len(self)))]
        number = place + len(self) if place < 0 else place
        if not 0 <= number < len(self):
            raise IndexError(f"record {place} of {len(self)}")
        batch = bisect_right(self._ends, number)
        indexes, fate = self._batches[batch]
        return fate(indexes[number - self._ends[batch]])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)
