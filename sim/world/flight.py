"""One flight of a plan: build everything from a seed, let the clock run, stop when all is done."""

from collections.abc import Callable, Iterator

from sim.actors.client.app import App, Behaviour
from sim.machine.clock import SECOND
from sim.machine.machine import Machine
from sim.world.cluster import Cluster
from sim.world.faults.schedule import check_schedule
from sim.world.plan import GroupSpec, Plan
from sim.world.remainder import waits_for_readers

__all__ = ["Flight"]

SAMPLE_INTERVAL = SECOND


class Flight:
    """A plan in the air. Observers attach to `machine.facts` before `fly`."""

    def __init__(self, plan: Plan, seed: int) -> None:
        self.plan = plan
        self.machine = Machine(seed)
        self.clock = self.machine.clock
        self.cluster = Cluster(self.machine, plan.cluster, plan.topics)
        for spec in plan.apps:
            self.cluster.app(spec.name, spec.behaviour, plan.client_overrides)
        self._check()
        self._watch: Callable[[], None] | None = None

    @property
    def now(self) -> int:
        """Simulated time in nanoseconds."""
        return self.clock._now

    def announce(self, fact: object) -> None:
        """Announce a fact of the world itself, such as a fault."""
        self.machine.facts.announce(self.now, fact)

    def visitor(self, name: str, behaviour: Behaviour, rack: str | None = None) -> App:
        """Start an application that is no part of the plan, such as an administrator's, on a host of its own."""
        number = None if rack is None else int(rack.rpartition("-")[2]) - 1
        app = self.cluster.app(name, behaviour, self.plan.client_overrides, number)
        app.start()
        return app

    def watch(self, look: Callable[[], None]) -> None:
        """Call an observer after every event."""
        self._watch = look

    def fly(self, until: int | None = None) -> Iterator[int]:
        """Run and yield the simulated time once per simulated second, so that the caller can sample or stop.

        Ends at `until`, or when all sources are dry and every group has caught up.
        """
        self.cluster.start()
        for app in self.cluster.apps.values():
            app.start()
        for fault in self.plan.faults:
            fault.schedule(self)
        load_ended: int | None = None
        while until is None or self.now < until:
            step = self.now + SAMPLE_INTERVAL
            self._advance(step if until is None else min(step, until))
            yield self.now
            if load_ended is None and self.is_load_over():
                load_ended = self.now
            patience_over = load_ended is not None and self.now - load_ended >= self.plan.drain
            if until is None and load_ended is not None and (self.is_settled() or patience_over):
                return

    def _advance(self, until: int) -> None:
        if self._watch is None:
            self.clock.run(until=until)
        else:
            self.clock.run_watched(until, self._watch)

    def is_load_over(self) -> bool:
        """Whether the planned time is over; without one, whether every finite application has ended."""
        if self.plan.duration is not None:
            return self.now >= self.plan.duration
        return self._sources_dry()

    def expected(self) -> int:
        """The simulated time at which the load should be over, as far as one can tell now."""
        if self.plan.duration is not None:
            return self.plan.duration
        share = self.plan.progress() if self.plan.progress is not None else 0.0
        return round(self.now / share) if share > 0 else self.now

    def _sources_dry(self) -> bool:
        return all(self.cluster.apps[spec.name].finished for spec in self.plan.apps if spec.finite)

    def unsettled(self) -> list[tuple[str, str]]:
        """What is not well yet, each with a sentence: partitions, applications that died or go on, groups behind."""
        apps, partitions = self.cluster.apps, self.cluster.controller.image.partitions
        told = [(str(name), f"{name} has no leader") for name, known in partitions.items() if known.leader < 0]
        told += [
            (str(name), f"{name} has only {', '.join(map(str, known.isr))} in sync")
            for name, known in partitions.items()
            if known.leader >= 0 and known.is_under_replicated
        ]
        told += [(app.name, f"{app.name} died: {app.failure}") for app in apps.values() if app.failure]
        if not told and not self.is_drained():
            running = [spec.name for spec in self.plan.apps if spec.finite and not apps[spec.name].finished]
            behind = [group.group_id for group in self.plan.groups if not self._caught_up(group)]
            told += [(name, f"{name} has not come to its end") for name in running]
            told += [(name, f"group {name} has not caught up") for name in behind]
            told = told or [("", "something that was sent has no answer")]
        return told

    def is_drained(self) -> bool:
        """Whether every finite application has ended, nothing is unacknowledged, and every group has caught up."""
        apps = self.cluster.apps
        if not self._sources_dry():
            return False
        if any(producer.incomplete for app in apps.values() if app.life.alive for producer in app.producers):
            return False
        return all(self._caught_up(group) for group in self.plan.groups)

    def is_settled(self) -> bool:
        """Whether there is nothing to wait for: all is drained and, if the plan wants it, all is well again."""
        return self.is_drained() and not (self.plan.converge and self.unsettled())

    def _caught_up(self, group: GroupSpec) -> bool:
        offsets = self.cluster.committed_offsets(group.group_id)
        if offsets is None:
            return False
        for name in self.cluster.partitions():
            if name.topic in group.topics:
                leader = self.cluster.leader(name)
                if leader is None or waits_for_readers(leader.log, offsets.get(name, 0)):
                    return False
        return True

    def _check(self) -> None:
        """Refuse faults that cannot happen. Raises ConfigError, one line."""
        for fault in self.plan.faults:
            fault.check(self)
        load = self.plan.duration
        check_schedule(self.plan.faults, None if load is None else load + self.plan.drain)
