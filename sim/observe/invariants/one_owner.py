"""A partition belongs to one member of a group in one generation."""

from collections.abc import Iterator

from sim.actors.client.app import App
from sim.observe.invariants.checker import Checker, Violations
from sim.observe.invariants.violation import InvariantViolation
from sim.rules.facts.journal import PartitionsAssigned
from sim.rules.topics import TopicPartition

__all__ = ["OneOwner"]


class OneOwner(Checker):
    """No two members of a group own a partition in the same generation, or member epoch.

    In different ones they may: a member that hangs does not know that the others have gone on. A partition that is
    handed over cooperatively is given up in one generation and taken in a later one. Who restarts under the same
    group.instance.id takes over within the generation, and several may read for a share group.
    """

    name = "one-owner"
    kinds = (PartitionsAssigned,)

    def __init__(self, apps: dict[str, App]) -> None:
        self._apps = apps
        self._owners: dict[tuple[str, TopicPartition], tuple[int, str]] = {}

    def heard(self, time: int, fact: object) -> Violations:
        """A member owns exactly these from now on."""
        assert isinstance(fact, PartitionsAssigned)
        return [*self._owns(time, fact)]

    def _owns(self, time: int, fact: PartitionsAssigned) -> Iterator[InvariantViolation]:
        group_id, client_id, generation = fact.group_id, fact.client_id, fact.generation
        for name in fact.partitions if generation >= 0 else ():
            owner = self._owners.get((group_id, name))
            if owner is None or owner[0] < generation:
                self._owners[group_id, name] = generation, client_id
            elif owner[0] == generation and owner[1] != client_id and not self._may_share(owner[1], client_id):
                yield self.violation(
                    time,
                    f"{group_id} {name}",
                    f"{client_id} owns {name} in generation {generation} of group {group_id} although {owner[1]} owns "
                    "it in the same generation",
                )

    def _may_share(self, one: str, other: str) -> bool:
        """Whether both are lives of one static member, or share consumers."""
        first, second = self._instance_id(one), self._instance_id(other)
        return first is None or second is None or (first == second != "")

    def _instance_id(self, client_id: str) -> str | None:
        """The group.instance.id of a consumer, empty without one; None for what is no consumer."""
        consumers = (consumer for app in self._apps.values() for consumer in app.consumers)
        found = next((consumer for consumer in consumers if consumer.client_id == client_id), None)
        return None if found is None else found.config.group_instance_id or ""
