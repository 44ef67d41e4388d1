"""What a member of a classic group keeps an eye on: topics that match its pattern, and what a leader assigned from.

Source: clients/src/main/java/org/apache/kafka/clients/consumer/internals/ConsumerCoordinator.java
    maybeUpdateSubscriptionMetadata, MetadataSnapshot
Fidelity: exact
"""

from collections.abc import Iterable, Mapping

from simpy import Event

from sim.actors.consumer.client_assignors import racks_of
from sim.actors.consumer.group_member import MemberContext

__all__ = ["TopicWatch"]


class TopicWatch:
    """Looks at newer metadata once; a member with a rack watches the racks of replicas, too."""

    def __init__(self, context: MemberContext) -> None:
        self._context = context
        self._looked_at = -1
        self._group_topics: tuple[str, ...] = ()
        self._snapshot: Mapping[str, object] = {}
        self._assigned_from: Mapping[str, object] | None = None
        self._refresh: Event | None = None

    @property
    def has_changed(self) -> bool:
        """Whether the group's topics are not any more what this member, as leader, has assigned from."""
        assigned_from, snapshot = self._assigned_from, self._snapshot
        return assigned_from is not None and assigned_from is not snapshot and assigned_from != snapshot

    def look(self, *, again: bool = False) -> None:
        """Find out what matches the pattern, and how many partitions the topics have, if that may be news."""
        context, version = self._context, self._context.metadata.version
        if version == self._looked_at and not again:
            return
        self._looked_at = version
        image, subscriptions = context.metadata.image, context.subscriptions
        if any(topic not in image.partition_counts for topic in subscriptions.topics):
            context.metadata.request_update()
        subscriptions.match(image.partition_counts, exclude_internal=context.config.exclude_internal_topics)
        watched = sorted({*subscriptions.topics, *self._group_topics} & image.partition_counts.keys())
        snapshot: dict[str, object] = {topic: self._shape(topic) for topic in watched}
        self._snapshot = self._snapshot if snapshot == self._snapshot else snapshot

    def is_fresh(self) -> bool:
        """Who has a pattern looks at the topics again before it joins, if metadata may be asked for just now."""
        metadata = self._context.metadata
        if self._context.subscriptions.pattern is None:
            return True
        if self._refresh is None and (metadata.version == 0 or metadata.may_update()):
            self._refresh = metadata.next_update()
        if self._refresh is not None and not self._refresh.triggered:
            return False
        self._refresh = None
        self.look()
        return True

    def lead(self, group_topics: Iterable[str]) -> None:
        """This member assigns, from the present metadata: from now on all topics of the group matter to it."""
        self._group_topics = tuple(group_topics)
        self.look(again=True)
        self._assigned_from = self._snapshot

    def follow(self) -> None:
        """Another member leads."""
        self._assigned_from = None

    def begin_rebalance(self) -> None:
        """Which topics matter to the group is open."""
        self._group_topics = ()

    def _shape(self, topic: str) -> object:
        image = self._context.metadata.image
        if not self._context.config.client_rack:
            return image.partition_counts[topic]
        return [sorted(set(racks_of(image, name))) for name in image.topic_partitions(topic)]
