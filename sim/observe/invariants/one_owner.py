"""A partition belongs to one member of a group at a time."""

from collections.abc import Iterator

from sim.actors.client.app import App
from sim.actors.consumer.consumer import Consumer
from sim.observe.invariants.checker import Checker, Violations
from sim.observe.invariants.losses import Losses
from sim.observe.invariants.violation import InvariantViolation
from sim.rules.facts.journal import AppStopped, MemberRemoved, PartitionsAssigned
from sim.rules.groups.coordinator import OFFSETS_TOPIC
from sim.rules.topics import TopicPartition

__all__ = ["OneOwner"]


class OneOwner(Checker):
    """No two members of a group own a partition in the same generation (or member epoch), nor at the same time.

    A partition that is handed over cooperatively is given up in one generation and taken in a later one. Only who is no
    member any more may still believe in what it owned: it hangs, or has not heard that it was thrown out. Who restarts
    under the same group.instance.id takes over within the generation, and several may read for a share group. When an
    unclean election, or a loss of power, has lost groups, their members do not know of each other, and generations
    count from the beginning.
    """

    name = "one-owner"
    kinds = (PartitionsAssigned, MemberRemoved, AppStopped)

    def __init__(self, apps: dict[str, App], losses: Losses) -> None:
        self._apps = apps
        self._losses = losses
        self._holders: dict[tuple[str, TopicPartition], dict[str, int]] = {}
        self._last: dict[tuple[str, TopicPartition], tuple[int, str]] = {}
        self._owned: dict[tuple[str, str], tuple[TopicPartition, ...]] = {}
        self._removed: dict[tuple[str, str], None] = {}

    def heard(self, time: int, fact: object) -> Violations:
        """A member owns exactly these from now on, or is a member no longer, or its process is dead."""
        if isinstance(fact, MemberRemoved):
            self._removed[fact.group_id, fact.member_id] = None
            return ()
        if isinstance(fact, AppStopped):
            for dead in self._apps[fact.app].consumers:
                self._let_go(dead.group_id, dead.client_id)
            return ()
        assert isinstance(fact, PartitionsAssigned)
        group_id, client_id = fact.group_id, fact.client_id
        self._let_go(group_id, client_id)
        if fact.generation < 0 or not fact.partitions:
            return ()
        self._owned[group_id, client_id] = fact.partitions
        consumer = self._consumer(client_id)
        if consumer is not None:
            self._removed.pop((group_id, consumer.consumer_group_metadata().member_id), None)
        return [*self._owns(time, fact)]

    def _let_go(self, group_id: str, client_id: str) -> None:
        for name in self._owned.pop((group_id, client_id), ()):
            self._holders[group_id, name].pop(client_id, None)

    def _owns(self, time: int, fact: PartitionsAssigned) -> Iterator[InvariantViolation]:
        group_id, client_id, generation = fact.group_id, fact.client_id, fact.generation
        is_lost = self._losses.has_touched(OFFSETS_TOPIC)
        owns = f"in generation {generation} of group {group_id}"
        for name in fact.partitions:
            holders = self._holders.setdefault((group_id, name), {})
            last, owner = self._last.setdefault((group_id, name), (generation, client_id))
            if last == generation and owner != client_id and not (is_lost or self._may_share(owner, client_id)):
                words = f"{client_id} owns {name} {owns} although {owner} owns it in the same generation"
                yield self.violation(time, f"{group_id} {name}", words)
            for holder in list(holders):
                if self._is_member(group_id, holder) and not self._may_share(holder, client_id):
                    words = f"{client_id} owns {name} {owns} although {holder}, which is a member, has not given it up"
                    yield self.violation(time, f"{group_id} {name}", words)
            if last <= generation:
                self._last[group_id, name] = generation, client_id
            holders[client_id] = generation

    def _is_member(self, group_id: str, client_id: str) -> bool:
        """Whether a consumer believes to be in the group, and its coordinator has not removed it."""
        consumer = self._consumer(client_id)
        if consumer is None or self._losses.has_touched(OFFSETS_TOPIC):
            return False
        metadata = consumer.consumer_group_metadata()
        known = metadata.generation >= 0 and metadata.member_id != ""
        return known and (group_id, metadata.member_id) not in self._removed

    def _may_share(self, one: str, other: str) -> bool:
        """Whether both are lives of one static member, or share consumers."""
        first, second = self._consumer(one), self._consumer(other)
        if first is None or second is None:
            return True
        instance_id = first.config.group_instance_id
        return instance_id is not None and instance_id == second.config.group_instance_id

    def _consumer(self, client_id: str) -> Consumer | None:
        consumers = (consumer for app in self._apps.values() for consumer in app.consumers)
        return next((consumer for consumer in consumers if consumer.client_id == client_id), None)
