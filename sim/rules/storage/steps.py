"""A column of numbers that seldom change, such as the timestamps of records that were sent together."""

from collections.abc import Iterator, Sequence
from itertools import chain, repeat
from typing import overload

__all__ = ["Steps"]


class Steps(Sequence[int]):
    """Numbers in order, kept as runs of equal ones: a million equal numbers take no more memory than one."""

    __slots__ = ("_counts", "_length", "_values")

    def __init__(self) -> None:
        self._values: list[int] = []
        self._counts: list[int] = []
        self._length = 0

    def extend(self, value: int, count: int) -> None:
        """Add the same number so many times."""
        if self._values and self._values[-1] == value:
            self._counts[-1] += count
        else:
            self._values.append(value)
            self._counts.append(count)
        self._length += count

    def runs(self) -> list[tuple[int, int]]:
        """Each number that is another than the one before, and how often it comes."""
        return list(zip(self._values, self._counts, strict=True))

    def highest(self) -> int:
        """The largest of them. Raises ValueError when there is none."""
        return max(self._values)

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[int]:
        return chain.from_iterable(map(repeat, self._values, self._counts))

    @overload
    def __getitem__(self, index: int) -> int: ...

    @overload
    def __getitem__(self, index: slice) -> list[int]: ...

    def __getitem__(self, index: int | slice) -> int | list[int]:
        if isinstance(index, slice):
            return list(self)[index]
        place = index + self._length if index < 0 else index
        if 0 <= place < self._length:
            for value, count in zip(self._values, self._counts, strict=True):
                if place < count:
                    return value
                place -= count
        raise IndexError(f"index {index} of {self._length} numbers")
