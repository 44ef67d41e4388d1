"""Small flights that go wrong, with the facts from which the causes are known."""

from collections.abc import Iterable
from typing import Any

from sim.actors.client.app import Behaviour
from sim.machine.clock import SECOND
from sim.observe.verdict import Verdict
from sim.observe.witness import Witness
from sim.rules.facts.journal import JOURNAL, RecordsAcknowledged, RecordsDelivered
from sim.world.cluster import ClusterSpec
from sim.world.faults import Fault
from sim.world.flight import Flight
from sim.world.plan import AppSpec, GroupSpec, Plan
from sim.world.topics import Topic
from tests.actors.flights import P


class Flown:
    """A flight of so many seconds over one partition, whose first leader is the only broker that faults may name."""

    def __init__(
        self,
        apps: dict[str, Behaviour],
        faults: Iterable[Fault] = (),
        seconds: int = 20,
        topic_config: dict[str, object] | None = None,
        groups: Iterable[str] = (),
        seed: int = 1,
    ) -> None:
        plan = Plan(
            duration=60 * SECOND,
            cluster=ClusterSpec(3, 3, {"offsets.topic.num.partitions": 3}),
            topics=(Topic(P.topic, 1, 3, {"min.insync.replicas": 2, **(topic_config or {})}),),
            apps=tuple(AppSpec(name, behaviour) for name, behaviour in apps.items()),
            groups=tuple(GroupSpec(group_id, (P.topic,)) for group_id in groups),
            faults=tuple(faults),
        )
        self.flight = Flight(plan, seed)
        self.facts: list[tuple[int, Any]] = []
        for kind in (*JOURNAL, RecordsAcknowledged, RecordsDelivered):
            self.flight.machine.facts.listen(kind, lambda time, fact: self.facts.append((time, fact)))
        witness = Witness(self.flight)
        for _ in self.flight.fly(seconds * SECOND):
            pass
        self.verdict: Verdict = witness.verdict()

    def these(self, kind: type, **values: object) -> list[tuple[str, Any]]:
        """Facts of a kind with these values, and their times as sentences have them."""
        return [
            (f"{time / 1e9:.3f} s", fact)
            for time, fact in self.facts
            if type(fact) is kind and all(getattr(fact, name) == value for name, value in values.items())
        ]
