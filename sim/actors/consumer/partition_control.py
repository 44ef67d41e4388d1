"""What an application may ask and change of the partitions that its consumer owns, without waiting.

Source: clients/src/main/java/org/apache/kafka/clients/consumer/KafkaConsumer.java
Fidelity: exact
"""

import re
from collections.abc import Iterable, Sequence

from sim.actors.consumer.subscriptions import Ownership, Subscriptions
from sim.machine.actor import Actor
from sim.rules.errors import IllegalStateError
from sim.rules.facts.client import PositionSought
from sim.rules.topics import TopicPartition

__all__ = ["PartitionControl", "compiled_pattern"]


class PartitionControl:
    """The part of a consumer's methods that only look at, or set, what it owns.

    They raise IllegalStateError for what it does not own.
    """

    def __init__(self, owner: Actor, client_id: str, subscriptions: Subscriptions) -> None:
        self.client_id = client_id
        self._owner = owner
        self._subscriptions = subscriptions

    def assignment(self) -> list[TopicPartition]:
        """The partitions owned."""
        return list(self._subscriptions.owned)

    def subscription(self) -> list[str]:
        """The topics subscribed to: those named, or those that matched the pattern when metadata came last."""
        return list(self._subscriptions.topics)

    def position(self, partition: TopicPartition) -> int | None:
        """The next offset that poll() will return; None until it is known."""
        return self._owned(partition).position

    def high_watermark(self, partition: TopicPartition) -> int:
        """The high watermark of the last fetch, -1 before the first."""
        return self._owned(partition).high_watermark

    def current_lag(self, partition: TopicPartition) -> int | None:
        """How far the position is behind the last fetch's high watermark; None until both are known."""
        ownership = self._owned(partition)
        if ownership.position is None or ownership.high_watermark < 0:
            return None
        return ownership.high_watermark - ownership.position

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Read on from an offset."""
        if offset < 0:
            raise ValueError("seek offset must not be a negative number")
        self._owned(partition).seek(offset)
        self._owner.announce(PositionSought(self._owner.name, self.client_id, (partition,)))

    def seek_to_beginning(self, partitions: Iterable[TopicPartition] = ()) -> None:
        """Read these partitions, or all that are owned, from their first offset, which the next poll() looks up."""
        self._seek_to("earliest", partitions)

    def seek_to_end(self, partitions: Iterable[TopicPartition] = ()) -> None:
        """Read of these partitions, or all that are owned, only what comes; the next poll() looks the end up."""
        self._seek_to("latest", partitions)

    def pause(self, partitions: Iterable[TopicPartition]) -> None:
        """Return no records of these partitions until resumed; ownership stays, and so does what is buffered.

        A partition that is given up in a rebalance, be it for a moment, forgets it.
        """
        for partition in partitions:
            self._owned(partition).paused = True

    def resume(self, partitions: Iterable[TopicPartition]) -> None:
        """Undo `pause`."""
        for partition in partitions:
            self._owned(partition).paused = False

    def paused(self) -> list[TopicPartition]:
        """The partitions that are paused."""
        return [name for name, ownership in self._subscriptions.owned.items() if ownership.paused]

    def _seek_to(self, policy: str, partitions: Iterable[TopicPartition]) -> None:
        sought = tuple(partitions) or tuple(self._subscriptions.owned)
        for partition in sought:
            self._owned(partition).needs(policy)
        self._owner.announce(PositionSought(self._owner.name, self.client_id, sought))

    def _owned(self, partition: TopicPartition) -> Ownership:
        ownership = self._subscriptions.owned.get(partition)
        if ownership is None:
            raise IllegalStateError(f"{self.client_id} does not own {partition}")
        return ownership


def compiled_pattern(topics: Sequence[str], pattern: str | None) -> re.Pattern[str] | None:
    """What topics have to match as a whole: the pattern, or those that begin with `^`, which need match no more than
    the beginning, and the other names as they are; None if there is no such thing. Raises ValueError for a bad one."""
    wanted = [pattern] if pattern is not None else []
    if not wanted and any(topic.startswith("^") for topic in topics):
        wanted = [topic if topic.startswith("^") else re.escape(topic) for topic in topics]
        wanted = [f"{part}.*" if part.startswith("^") else part for part in wanted]
    try:
        return re.compile("|".join(f"(?:{part})" for part in wanted)) if wanted else None
    except re.error as error:
        raise ValueError(f"not a regular expression: {', '.join(wanted)}: {error}") from error
