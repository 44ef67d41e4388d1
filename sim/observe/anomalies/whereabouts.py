"""What a consumer may be expected to remember of its place in a partition, as marks of the history change it.

Source: jepsen-io/jepsen jepsen/src/jepsen/tests/kafka.clj poll-skip+nonmonotonic-cases-per-process
"""

from collections.abc import Sequence

from sim.observe.anomalies.history import Mark, MarkKind
from sim.rules.topics import TopicPartition

__all__ = ["Whereabouts"]


class Whereabouts:
    """Counts, by consumer and partition, stays and tenures: what is polled in two of them need not follow.

    A new stay begins when the application has moved the consumer: by a seek, or as it chose partitions without this
    one. A new tenure begins when the group has taken the partition away and given it back.
    """

    def __init__(self, marks: Sequence[Mark]) -> None:
        self._marks = sorted(marks, key=lambda mark: mark.order)
        self._next = 0
        self._polled: dict[str, dict[TopicPartition, tuple[int, int]]] = {}

    def move(self, order: int) -> None:
        """Heed the marks before this place in the history."""
        while self._next < len(self._marks) and self._marks[self._next].order < order:
            self._heed(self._marks[self._next])
            self._next += 1

    def of(self, client: str, partition: TopicPartition) -> tuple[int, int]:
        """The running numbers of stay and tenure in which a consumer polls a partition now."""
        return self._polled.setdefault(client, {}).setdefault(partition, (0, 0))

    def _heed(self, mark: Mark) -> None:
        polled = self._polled.get(mark.client, {})
        for partition, (stay, tenure) in polled.items():
            if _leaves(mark, partition):
                moved = mark.kind is MarkKind.REBALANCE
                polled[partition] = (stay, tenure + 1) if moved else (stay + 1, tenure)


def _leaves(mark: Mark, partition: TopicPartition) -> bool:
    if mark.kind is MarkKind.SEEK:
        return partition in mark.partitions
    if mark.kind is MarkKind.SUBSCRIBE:
        return bool(mark.topics) and partition.topic not in mark.topics
    return partition not in mark.partitions
