"""The times in which a partition took no record, and why: no leader that works, or too few replicas in sync."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.explain.chain import Link, Remedy
from sim.explain.looking import active_faults, leaders_at, producers_to, topic_config
from sim.rules.errors import ErrorCode
from sim.rules.facts.journal import (
    BatchFailed,
    BrokerFenced,
    BrokerStopped,
    BrokerUnfenced,
    IsrChanged,
)
from sim.rules.facts.topic import TopicConfigChanged
from sim.rules.topics import TopicPartition
from sim.world import faults

if TYPE_CHECKING:
    from sim.run import Run

__all__ = ["Outage", "departures", "outages", "told"]


UNANSWERED = (ErrorCode.REQUEST_TIMED_OUT, ErrorCode.NETWORK_EXCEPTION)


@dataclass(frozen=True, slots=True)
class Outage:
    """From when to when (seconds) a partition took nothing; `broker_id` is the one that is to blame, -1 for none."""

    partition: TopicPartition
    begin_s: float
    end_s: float
    broker_id: int
    cause: str

    @property
    def length_s(self) -> float:
        """How long it was."""
        return self.end_s - self.begin_s


def outages(run: "Run") -> list[Outage]:
    """All of them, those of every partition."""
    names = run.flight.cluster.partitions()
    return [
        outage for name in names for outage in (*_leaderless(run, name), *_refused(run, name), *_not_reached(run, name))
    ]


def _leaderless(run: "Run", name: TopicPartition) -> Iterator[Outage]:
    """From the moment in which the leader was gone until another one, or itself again, was elected."""
    leaders = leaders_at(run, name)
    for begin_s, broker_id, cause in departures(run):
        leader = next((leader for time_s, leader in reversed(leaders) if time_s <= begin_s), -1)
        if leader != broker_id:
            continue
        later = [(time_s, leader) for time_s, leader in leaders if time_s > begin_s]
        end_s = next((time_s for time_s, leader in later if leader >= 0), run.simulated_s)
        offline = any(leader < 0 and time_s < end_s for time_s, leader in later)
        yield Outage(name, begin_s, end_s, broker_id, "no-in-sync-replica" if offline else cause)


def departures(run: "Run") -> Iterator[tuple[float, int, str]]:
    """When which broker was gone: its process ended, or the controller heard nothing of it any more."""
    gone: dict[int, float] = {}
    session_s = run.flight.cluster.config.broker_session_timeout_ms / 1e3
    for time, fact in run.facts:
        if isinstance(fact, BrokerStopped):
            gone[fact.broker_id] = time / 1e9
            yield time / 1e9, fact.broker_id, "broker-crashed"
        elif isinstance(fact, BrokerUnfenced):
            gone.pop(fact.broker_id, None)
        elif isinstance(fact, BrokerFenced) and fact.broker_id not in gone:
            begin_s = max(0.0, time / 1e9 - session_s)
            yield begin_s, fact.broker_id, _silent(run, fact.broker_id, begin_s, time / 1e9)


def _silent(run: "Run", broker_id: int, begin_s: float, end_s: float) -> str:
    active = list(active_faults(run, begin_s, end_s))
    hung = any(isinstance(fault, faults.BrokerHang) and fault.broker == broker_id for fault in active)
    return "broker-hung" if hung else "broker-cut-off"


def _refused(run: "Run", name: TopicPartition) -> Iterator[Outage]:
    """Times with fewer replicas in sync than min.insync.replicas, of a topic that somebody writes to with acks=all."""
    if not any(producer.config.acks == "all" for producer in producers_to(run, name.topic)):
        return
    replicas = run.flight.cluster.controller.image.partitions[name].replicas
    config, isr, begin_s = topic_config(run, name.topic, 0.0), replicas, None
    for time, fact in run.facts:
        if isinstance(fact, IsrChanged) and fact.partition == name:
            isr = fact.isr
        elif isinstance(fact, TopicConfigChanged) and fact.topic == name.topic:
            config = topic_config(run, name.topic, time / 1e9)
        else:
            continue
        too_few = len(isr) < min(config.min_insync_replicas, len(replicas))
        if too_few and begin_s is None:
            begin_s = time / 1e9
        elif not too_few and begin_s is not None:
            yield Outage(name, begin_s, time / 1e9, -1, "not-enough-replicas")
            begin_s = None
    if begin_s is not None:
        yield Outage(name, begin_s, run.simulated_s, -1, "not-enough-replicas")


def _not_reached(run: "Run", name: TopicPartition) -> Iterator[Outage]:
    """Times in which batches were given up as clients were cut off from a leader that the cluster reached."""
    failed = [
        (float(min(fact.columns.sent_at)) / 1e9, time / 1e9)
        for time, fact in run.facts
        if isinstance(fact, BatchFailed) and fact.partition == name and fact.error in UNANSWERED
    ]
    for fault in run.flight.plan.faults:
        if not isinstance(fault, faults.NetworkPartition):
            continue
        begin_s, end_s = fault.begins / 1e9, run.simulated_s if fault.ends is None else fault.ends / 1e9
        leader = next((leader for time_s, leader in reversed(leaders_at(run, name)) if time_s <= begin_s), -1)
        kinds = run.flight.cluster.hosts()
        far = [side for side in fault.sides(run.flight) if f"broker-{leader}" not in side]
        is_between = len(far) == 1 and all(kinds[host] == "client" for host in far[0])
        given_up = [time_s for sent_s, time_s in failed if begin_s - 1 <= sent_s <= end_s]
        if is_between and given_up:
            yield Outage(name, begin_s, end_s, leader, "clients-cut-off")


def told(run: "Run", outage: Outage) -> tuple[tuple[Link, ...], Remedy | None]:
    """The links from an outage to its cause, and the setting that decides how long it is."""
    name, config = outage.partition, topic_config(run, outage.partition.topic, outage.begin_s)
    length = f"for {outage.length_s:.1f} s from {outage.begin_s:.1f} s"
    if outage.cause == "not-enough-replicas":
        minimum = config.min_insync_replicas
        isr = _isr_at(run, name, outage.begin_s)
        only = f"only {len(isr)} of its replicas {'was' if len(isr) == 1 else 'were'} in sync"
        first = Link(outage.begin_s, f"{name} refused records with acks=all {length}", "NOT_ENOUGH_REPLICAS")
        what = f"{only}, and min.insync.replicas is {minimum}"
        remedy = Remedy("topic.min.insync.replicas", minimum, max(1, len(isr)))
        return (first, Link(outage.begin_s, what, f"IsrChanged {name}")), remedy
    broker, at = f"broker {outage.broker_id}", f"at {outage.begin_s:.1f} s"
    if outage.cause == "clients-cut-off":
        first = Link(outage.begin_s, f"{name} got nothing from its clients {length}", "BatchFailed")
        what = f"{broker} was cut off from clients {at}, and as the controller heard of it, it led on"
        return (first, Link(outage.begin_s, what, "FaultBegan")), None
    first = Link(outage.begin_s, f"{name} had no leader that works {length}", f"LeaderElected {name}")
    gone = {"broker-hung": "hung", "broker-cut-off": "was cut off"}.get(outage.cause, "stopped")
    if outage.cause == "no-in-sync-replica":
        what = f"{broker} stopped {at} and no other replica was in sync"
        links = first, Link(outage.begin_s, what, f"IsrChanged {name}")
        value = config.unclean_leader_election_enable
        return links, None if value else Remedy("topic.unclean.leader.election.enable", "false", "true")
    session_ms = run.flight.cluster.config.broker_session_timeout_ms
    fenced = [time / 1e9 for time, fact in run.facts if _is(fact, outage) and time / 1e9 >= outage.begin_s]
    until = f", and the controller waited for broker.session.timeout.ms of {session_ms} before it fenced it"
    what = f"{broker}, its leader, {gone} {at}{until if fenced else ''}"
    remedy = Remedy("broker.session.timeout.ms", session_ms, 3000 if session_ms > 3000 else 9000)
    return (first, Link(outage.begin_s, what, "BrokerStopped" if gone == "stopped" else "BrokerFenced")), remedy


def _is(fact: object, outage: Outage) -> bool:
    return isinstance(fact, BrokerFenced) and fact.broker_id == outage.broker_id


def _isr_at(run: "Run", name: TopicPartition, time_s: float) -> tuple[int, ...]:
    isr: tuple[int, ...] = ()
    for time, fact in run.facts:
        if isinstance(fact, IsrChanged) and fact.partition == name and time / 1e9 <= time_s:
            isr = fact.isr
    return isr
