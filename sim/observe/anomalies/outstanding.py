"""What producers have sent and not yet heard of, by the numbers of the records."""

from collections.abc import Iterator

from sim.observe.anomalies.history import Records
from sim.rules.storage.batch import RecordColumns
from sim.rules.topics import TopicPartition

__all__ = ["Outstanding"]

Batch = tuple[int, int]
"""How many records, and when the first of them was sent (ns)."""


class Outstanding:
    """Batches by partition, origin and first number; a batch that is split is answered part by part."""

    def __init__(self) -> None:
        self._batches: dict[tuple[TopicPartition, str], dict[int, Batch]] = {}

    def leaves(self, partition: TopicPartition, columns: RecordColumns, time: int) -> None:
        """A batch is sent for the first time."""
        batches = self._batches.setdefault((partition, columns.origin), {})
        batches[columns.first_number] = columns.count, began(columns, time)

    def has(self, partition: TopicPartition, columns: RecordColumns) -> bool:
        """Whether these records have left, in this batch or in a larger one that was split."""
        batches, first = self._batches.get((partition, columns.origin), {}), columns.first_number
        return first in batches or _around(batches, first) is not None

    def answered(self, partition: TopicPartition, columns: RecordColumns) -> None:
        """The fate of these records is known."""
        batches = self._batches.get((partition, columns.origin), {})
        first, count = columns.first_number, columns.count
        start = first if first in batches else _around(batches, first)
        if start is not None:
            length, time = batches.pop(start)
            if start < first:
                batches[start] = first - start, time
            if first + count < start + length:
                batches[first + count] = start + length - first - count, time

    def rest(self) -> Iterator[tuple[Records, int]]:
        """What is still unknown, with the times at which it was sent."""
        for (partition, origin), batches in self._batches.items():
            for first_number, (count, time) in batches.items():
                yield Records(partition, origin, first_number, count, None), time


def began(columns: RecordColumns, time: int) -> int:
    """When the first of the records was sent, as far as it was noted."""
    return columns.sent_at[0] if columns.sent_at else time


def _around(batches: dict[int, Batch], number: int) -> int | None:
    """The batch that has this number inside."""
    return next((start for start, (count, _) in batches.items() if start < number < start + count), None)
