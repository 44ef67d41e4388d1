"""How the metrics of producers, consumers and their groups are read from a run."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from sim.machine.clock import MILLISECOND
from sim.rules.facts.journal import BatchFailed, BatchRetried, GroupChanged, OffsetsCommitted, PartitionsAssigned
from sim.teach.incidents.readings import Event, Lines, app_of, counted, held, highest

if TYPE_CHECKING:
    from sim.run import Run

__all__ = [
    "assigned",
    "batch_size",
    "batches",
    "between_polls",
    "commits",
    "consumed",
    "members",
    "rebalances",
    "throttled",
]


def batches(kind: type[BatchRetried] | type[BatchFailed]) -> Callable[["Run"], Lines]:
    """Counts the records of batches that were sent again or given up, by application."""

    def read(run: "Run") -> Lines:
        facts = [(time, fact) for time, fact in run.facts if isinstance(fact, kind)]
        named = [(time, app_of(run, fact.client_id), fact) for time, fact in facts]
        sources = [app.name for app in run.flight.cluster.apps.values() if app.producers and app_of(run, app.name)]
        return counted(
            run,
            [
                Event(time, app, fact.count if isinstance(fact, BatchRetried) else fact.columns.count)
                for time, app, fact in named
                if app
            ],
            sources,
        )

    return read


def groups(run: "Run") -> Iterator[tuple[int, GroupChanged]]:
    """The changes of the groups that the plan knows."""
    known = {group.group_id for group in run.flight.plan.groups}
    return ((time, fact) for time, fact in run.facts if isinstance(fact, GroupChanged) and fact.group_id in known)


def rebalances(run: "Run") -> Lines:
    """How often a rebalance has begun, by group."""
    begun = [Event(time, fact.group_id) for time, fact in groups(run) if fact.state == "PreparingRebalance"]
    return counted(run, begun, [group.group_id for group in run.flight.plan.groups])


def members(run: "Run") -> Lines:
    """How many members the coordinator counts, by group."""
    return held(run, [Event(time, fact.group_id, fact.member_count) for time, fact in groups(run)])


def by_client(run: "Run", kind: type, amount: Callable[[object], float]) -> Iterator[Event]:
    """The facts of one kind that concern the plan's applications, by application."""
    for time, fact in run.facts:
        if isinstance(fact, kind):
            app = app_of(run, getattr(fact, "client_id", ""))
            if app:
                yield Event(time, app, amount(fact))


def assigned(run: "Run") -> Lines:
    """How many partitions each member owns; members that are there from the start begin with none."""
    owned = by_client(run, PartitionsAssigned, lambda fact: len(getattr(fact, "partitions", ())))
    return held(run, owned, dict.fromkeys(planned_members(run), 0.0))


def planned_members(run: "Run") -> list[str]:
    """The members that groups have from the start."""
    known = {group.group_id for group in run.flight.plan.groups}
    return [app.name for app in run.flight.plan.apps if app.stage in known]


def commits(run: "Run") -> Lines:
    """How many commits with progress each member has made."""
    return counted(run, by_client(run, OffsetsCommitted, lambda _: 1.0))


def consumed(run: "Run") -> Lines:
    """Records handed to each member."""
    found = [(d.delivered_at, app_of(run, d.client_id), d.next_offset - d.first_offset)
             for d in run.recorded().deliveries]  # fmt: skip
    return counted(run, [Event(time, app, count) for time, app, count in found if app], planned_members(run))


def between_polls(run: "Run") -> Lines:
    """The time from one poll that brought records to the next, by member."""
    before: dict[str, int] = {}
    events = []
    for delivery in run.recorded().deliveries:
        app, time = app_of(run, delivery.client_id), delivery.delivered_at
        if app and time != before.get(app):
            if app in before:
                events.append(Event(time, app, (time - before[app]) / MILLISECOND))
            before[app] = time
    return highest(events)


def batch_size(run: "Run") -> Lines:
    """Records in the largest batch acknowledged in each second, by topic."""
    return highest(Event(a.acknowledged_at, a.partition.topic, a.record_count) for a in run.recorded().acknowledgements)


def throttled(run: "Run") -> Lines:
    """The longest throttle time that a broker has told each producer."""
    named = [(time, app_of(run, client_id), ms) for time, client_id, ms in run.recorded().hindsight.throttled]
    return highest(Event(time, app, ms) for time, app, ms in named if app)
