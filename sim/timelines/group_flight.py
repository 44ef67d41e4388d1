"""Flies the steps of one run of a recorded group, and keeps what a driver of a real one would have seen."""

from collections.abc import Sequence

from sim.machine.clock import MILLISECOND, milliseconds
from sim.machine.machine import Machine
from sim.rules.facts.journal import RecordsDelivered
from sim.rules.topics import TopicPartition
from sim.timelines.group_figures import (
    COUNTS_AFTER,
    KILLED,
    LOOK_BACK_MS,
    Callback,
    Delivery,
    Figures,
    Owners,
    delivery_figures,
    owner_figures,
)
from sim.timelines.group_members import Feed, Member
from sim.timelines.group_plan import GroupPlan, Step
from sim.world.cluster import Cluster, ClusterSpec
from sim.world.topics import Topic

__all__ = ["GroupFlight"]

BEFORE_FIRST_STEP_MS = 2000.0
LONGEST_START_MS = 100.0
"""A member begins so long after its step's event at most (estimated): its process has to start."""


class GroupFlight:
    """A cluster, a producer and the members that have joined so far; `step` does one step and returns its figures."""

    def __init__(self, plan: GroupPlan, seed: int) -> None:
        self.machine = Machine(seed)
        self._plan = plan
        self._members: dict[str, Member] = {}
        topics = [Topic(topic, partitions) for topic, partitions in plan.topics.items()]
        self._cluster = Cluster(self.machine, ClusterSpec(plan.brokers, 1, plan.broker_config), topics)
        self._chance = self.machine.streams["timelines"]
        self.owners: Owners = {partition: frozenset() for partition in plan.partitions}
        self._callbacks: list[Callback] = []
        self._deliveries: list[Delivery] = []
        self._delivered: dict[TopicPartition, set[int]] = {partition: set() for partition in plan.partitions}
        self.machine.facts.listen(RecordsDelivered, self._note_delivery)
        self._cluster.start()
        if plan.record_every_ms is not None:
            self._cluster.app("feed", Feed(plan.partitions, plan.record_every_ms), {}).start()
        self._fly_ms(BEFORE_FIRST_STEP_MS * self._chance.uniform(1.0, 2.0))

    def step(self, step: Step) -> Figures:
        """Do what happens in a step, let its window pass and measure."""
        began_ms, seen = self._now_ms, len(self._callbacks)
        self._do(step)
        self._fly_ms(step.window_ms)
        callbacks = [call._replace(time_ms=call.time_ms - began_ms) for call in self._callbacks[seen:]]
        figures, self.owners = owner_figures(self.owners, callbacks, step.window_ms, step.leaver)
        figures |= {f"{COUNTS_AFTER} {name}": len(self._owned_by(name)) for name in self._members}
        if self._plan.record_every_ms is not None:
            figures |= delivery_figures(self._plan.partitions, self._deliveries_since(began_ms))
        return figures

    def _do(self, step: Step) -> None:
        if step.event == "pause":
            self._members[step.member].pause_ms = step.pause_ms
        elif step.event == "close":
            self._members[step.member].closes = True
        elif step.event == "kill9":
            self._kill(step.member)
        else:
            self._start(step.member)

    def _start(self, name: str) -> None:
        """Start a member's process: its first one, or another one in place of that which is closed or killed now."""
        if name in self._members:
            self._kill(name)
        else:
            plan = self._plan
            member = Member(name, tuple(plan.topics), plan.config_of(name), plan.poll_ms, self._note)
            self._members[name] = member
            self._cluster.app(_process(name), member, {})
        self._members[name].start_ms = self._chance.uniform(0.0, LONGEST_START_MS)
        self._cluster.apps[_process(name)].start()

    def _kill(self, name: str) -> None:
        self._note(name, KILLED, self._owned_by(name))
        self._cluster.apps[_process(name)].stop()

    def _owned_by(self, name: str) -> list[TopicPartition]:
        return [partition for partition, owners in self.owners.items() if name in owners]

    @property
    def _now_ms(self) -> float:
        return int(self.machine.clock.now) / MILLISECOND

    def _fly_ms(self, duration_ms: float) -> None:
        clock = self.machine.clock
        clock.run(until=int(clock.now) + milliseconds(duration_ms))

    def _note(self, member: str, kind: str, partitions: Sequence[TopicPartition]) -> None:
        self._callbacks.append(Callback(self._now_ms, member, kind, tuple(partitions)))

    def _note_delivery(self, time: int, fact: RecordsDelivered) -> None:
        offsets = range(fact.first_offset, fact.next_offset)
        seen = self._delivered[fact.partition]
        again = sum(offset in seen for offset in offsets)
        seen.update(offsets)
        self._deliveries.append(Delivery(time / MILLISECOND, fact.partition, again))

    def _deliveries_since(self, began_ms: float) -> list[Delivery]:
        """Deliveries of this step and shortly before, at times from its event; older ones are forgotten."""
        recent = [delivery for delivery in self._deliveries if delivery.time_ms >= began_ms - LOOK_BACK_MS]
        self._deliveries = recent
        return [delivery._replace(time_ms=delivery.time_ms - began_ms) for delivery in recent]


def _process(member: str) -> str:
    return f"member {member}"
