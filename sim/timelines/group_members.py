"""The applications of a recorded group: members that poll and can be closed or held up, and a producer."""

from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any

from simpy import Event

from sim.actors.client.app import App
from sim.actors.consumer.consumer import CommitFailedError
from sim.actors.consumer.rebalance_listener import RebalanceListener
from sim.machine.clock import milliseconds
from sim.rules.topics import TopicPartition

__all__ = ["Feed", "Member"]

GROUP = "group"
VALUE = bytes(100)
Steps = Generator[Event, Any, Any]
Note = Callable[[str, str, Sequence[TopicPartition]], object]


class Member(RebalanceListener):
    """Polls again and again until it `closes`; tells `note` of what its listener is told.

    It begins after `start_ms`, and does not poll for `pause_ms` once its present poll has ended.
    """

    def __init__(self, name: str, topics: Sequence[str], config: Mapping[str, Any], poll_ms: int, note: Note) -> None:
        self.name = name
        self.closes = False
        self.start_ms = self.pause_ms = 0.0
        self._topics, self._config, self._poll_ms, self._note = topics, config, poll_ms, note

    def __call__(self, app: App) -> Steps:
        """The life of its process."""
        self.closes, self.pause_ms = False, 0.0
        yield app.busy(self.start_ms)
        consumer = app.consumer(GROUP, **self._config)
        consumer.subscribe(self._topics, self)
        while not self.closes:
            try:
                yield from consumer.poll_slices(self._poll_ms)
            except CommitFailedError:
                continue
            if self.pause_ms:
                yield app.busy(self.pause_ms)
                self.pause_ms = 0.0
        yield from consumer.close()

    def on_partitions_assigned(self, partitions: Sequence[TopicPartition]) -> None:
        """Note it."""
        self._note(self.name, "assigned", partitions)

    def on_partitions_revoked(self, partitions: Sequence[TopicPartition]) -> None:
        """Note it."""
        self._note(self.name, "revoked", partitions)

    def on_partitions_lost(self, partitions: Sequence[TopicPartition]) -> None:
        """Note it."""
        self._note(self.name, "lost", partitions)


class Feed:
    """Sends one record every so often, to one partition after the other."""

    def __init__(self, partitions: Sequence[TopicPartition], every_ms: float) -> None:
        self._partitions = partitions
        self._every = milliseconds(every_ms)

    def __call__(self, app: App) -> Steps:
        """The life of its process."""
        producer = app.producer()
        due = app.now
        while True:
            for topic, partition in self._partitions:
                yield from producer.send(topic, VALUE, partition=partition)
                due += self._every
                yield app.until(due)
