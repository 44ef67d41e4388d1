"""How a group deals partitions out: join and sync, eager, cooperative, and by the coordinator (KIP-848)."""

from typing import Any

from sim.machine.clock import SECOND
from sim.rules.config import BrokerConfig
from sim.rules.facts.journal import GroupChanged
from sim.run import Run
from sim.teach.interview.groups.parts import experiment, flown, member, ownerless_s, source
from sim.teach.interview.question import Experiment, Picture, Proof, Question, Runs, WrongAnswer
from sim.world.plan import Plan
from sim.world.settings import Knob, Settings
from sim.world.workload import Constant

__all__ = ["QUESTIONS"]

GROUP, JOIN_S, END_S = "sorters", 12, 24
PROTOCOLS = {
    "eager": {"partition_assignment_strategy": "range"},
    "cooperative": {"partition_assignment_strategy": "cooperative-sticky"},
    "kip-848": {"group_protocol": "consumer"},
}


def _make(settings: Settings) -> Plan:
    config: dict[str, Any] = {**PROTOCOLS[settings["protocol"]], "max_poll_records": 10}
    joins = [0.0] * settings["members"] + [JOIN_S]
    leaves_at_s = JOIN_S + settings["stays_s"]
    sorters = {
        f"{GROUP}.{number}": member(
            GROUP,
            "parcels",
            settings["work_ms"],
            joins_at_s,
            leaves_at_s if joins_at_s else None,
            END_S,
            True,
            **config,
        )
        for number, joins_at_s in enumerate(joins, start=1)
    }
    parcels = source("parcels", Constant(settings["rate_per_s"]), END_S, settings["partitions"])
    topics = {"parcels": settings["partitions"]}
    return flown(END_S, topics, {"to-parcels": parcels, **sorters}, {GROUP: "parcels"})


JOIN = experiment(
    "a-member-joins",
    "One more member joins a group that is at work, and perhaps leaves it again.",
    _make,
    protocol=Knob("eager", "eager, cooperative or kip-848"),
    members=Knob(10, "members that are there before", 1, 100),
    partitions=Knob(30, "partitions of the topic parcels", 1, 1000),
    rate_per_s=Knob(70, "parcels that come each second", 1, 1000),
    work_ms=Knob(100.0, "work for a parcel on average, in milliseconds", 0.1, 100_000),
    stays_s=Knob(1000.0, "how long the new member stays, in seconds", 1, 1000),
)
FEW = {"members": 2, "partitions": 6, "rate_per_s": 20, "work_ms": 20.0, "stays_s": 6.0}


def _generations(run: Run) -> list[tuple[float, int]]:
    """When the group was stable in a new generation, in seconds, and which."""
    facts = [(time, fact) for time, fact in run.facts if isinstance(fact, GroupChanged) and fact.state == "Stable"]
    return [(time / SECOND, fact.generation) for time, fact in facts]


def _sizes(run: Run, kind: str) -> list[int]:
    """Bytes of the requests of a kind, in the order in which they were sent."""
    return [request.size_bytes for request in run.recorded().requests if request.kind == kind]


def _lifecycle(runs: Runs) -> Proof:
    run = runs["three"]
    times = _generations(run)
    last = times[-1][1]
    joins, syncs = len(_sizes(run, "JoinGroup")), len(_sizes(run, "SyncGroup"))
    delay_s = BrokerConfig().group_initial_rebalance_delay_ms / 1000
    told = ", ".join(f"{generation} from {at_s:.1f} s" for at_s, generation in times)
    return Proof(
        [generation for _, generation in times] == [1, 2, 3] and times[0][0] > delay_s and syncs == 2 + 3 + 2,
        last,
        "generations",
        f"Start, join and leave make generations {told}: {joins} JoinGroup and {syncs} SyncGroup requests.",
        {"last": last, "first_s": times[0][0], "delay_s": delay_s, "joins": joins, "syncs": syncs}
        | {"leader_bytes": max(_sizes(run, "SyncGroup")), "other_bytes": min(_sizes(run, "SyncGroup"))},
    )


def _all_give_up(runs: Runs) -> tuple[bool, str]:
    stopped = len(ownerless_s(runs["three"], GROUP, JOIN_S, JOIN_S + 5))
    partitions = runs["three"].settings["partitions"]
    return stopped == partitions, (
        f"At the join {stopped} of {partitions} partitions were without an owner for a moment: with an eager assignor "
        "every member gives up all it has."
    )


def _leader_assigns(runs: Runs) -> tuple[bool, str]:
    sizes = _sizes(runs["three"], "SyncGroup")
    large = sum(size > min(sizes) for size in sizes)
    return large == _generations(runs["three"])[-1][1], (
        f"One SyncGroup request of each generation, {large} of {len(sizes)}, has {max(sizes)} bytes and the others "
        f"{min(sizes)}: one member, the leader, has computed the assignment and sends it."
    )


def _stopped_s(run: Run) -> float:
    """Partition-seconds without an owner from the join on."""
    return sum(ownerless_s(run, GROUP, JOIN_S, END_S))


def _stopped(run: Run) -> int:
    return len(ownerless_s(run, GROUP, JOIN_S, END_S))


def _ratio(runs: Runs) -> Proof:
    eager, cooperative = runs["eager"], runs["cooperative"]
    ratio = _stopped_s(eager) / _stopped_s(cooperative)
    return Proof(
        ratio > 1.3 and _stopped(eager) == eager.settings["partitions"] > 5 * _stopped(cooperative),
        ratio,
        "times as many stopped partition-seconds",
        f"Eager stops {_stopped(eager)} partitions for {_stopped_s(eager):.1f} partition-seconds, cooperative "
        f"{_stopped(cooperative)} for {_stopped_s(cooperative):.1f}.",
        {"eager_s": _stopped_s(eager), "all": _stopped(eager), "ratio": ratio}
        | {"cooperative_s": _stopped_s(cooperative), "moved": _stopped(cooperative)}
        | {"quick_eager_s": _stopped_s(runs["quick-eager"])}
        | {"quick_cooperative_s": _stopped_s(runs["quick-cooperative"])},
    )


def _not_always(runs: Runs) -> tuple[bool, str]:
    eager_s, cooperative_s = _stopped_s(runs["quick-eager"]), _stopped_s(runs["quick-cooperative"])
    return cooperative_s > 10 * eager_s, (
        f"With members that poll all the time eager costs {eager_s:.2f} partition-seconds and cooperative "
        f"{cooperative_s:.1f}: what moves waits for a second rebalance, which a heartbeat announces."
    )


def _not_sooner(runs: Runs) -> tuple[bool, str]:
    ends = {name: _generations(runs[name])[-1] for name in ("eager", "cooperative")}
    (eager_s, eager), (cooperative_s, cooperative) = ends["eager"], ends["cooperative"]
    return cooperative_s > eager_s and cooperative > eager, (
        f"Eager is stable in generation {eager} {eager_s - JOIN_S:.1f} s after the join, cooperative in generation "
        f"{cooperative} after {cooperative_s - JOIN_S:.1f} s: it rebalances twice."
    )


def _reconciled(runs: Runs) -> Proof:
    eager, new = runs["eager"], runs["kip-848"]
    return Proof(
        _stopped(new) < _stopped(eager) / 5 and _stopped_s(new) < _stopped_s(eager) / 2,
        _stopped_s(new),
        "stopped partition-seconds",
        f"With KIP-848 {_stopped(new)} partitions stop for {_stopped_s(new):.1f} partition-seconds, with the eager "
        f"protocol {_stopped(eager)} for {_stopped_s(eager):.1f}.",
        {"moved": _stopped(new), "new_s": _stopped_s(new), "all": _stopped(eager), "eager_s": _stopped_s(eager)}
        | {"heartbeat_s": BrokerConfig().group_consumer_heartbeat_interval_ms / 1000}
        | {"idle_s": max(ownerless_s(runs["quick"], GROUP, JOIN_S, END_S))},
    )


def _not_at_once(runs: Runs) -> tuple[bool, str]:
    longest_s = max(ownerless_s(runs["quick"], GROUP, JOIN_S, END_S))
    return longest_s > 1, (
        f"Even with members that poll all the time a partition that moves was without an owner for {longest_s:.1f} s: "
        "old and new owner learn of it at their next heartbeats."
    )


def _no_generation_for_all(runs: Runs) -> tuple[bool, str]:
    new, eager = _stopped(runs["kip-848"]), _stopped(runs["eager"])
    return new < eager, (
        f"{new} partitions changed hands and the others were read all the time; the eager protocol stopped {eager}."
    )


QUICK = {"work_ms": 1.0, "rate_per_s": 20}
QUESTIONS = (
    Question(
        number=34,
        topic="groups",
        level="junior",
        asks="What happens, step by step, when a consumer joins a group?",
        predict="Two consumers start, a third one joins and leaves again. In which generation is the group at the end?",
        flights={"three": Experiment(JOIN, FEW, recorded=True)},
        prove=_lifecycle,
        answer="""
            The consumer finds the group's coordinator, a broker, and sends JoinGroup. The group is then preparing a
            rebalance: the others hear of it in the answer to a heartbeat, commit, and join again. When all have joined
            there is a new generation, and the coordinator makes one member the leader. The leader computes the
            assignment and hands it in with its SyncGroup, {leader_bytes} bytes in the run against {other_bytes} of the
            others; each gets its own part back, and the group is stable. Start, join and leave made {last} generations
            with {joins} JoinGroups. A new group waits first, {delay_s:g} s by default and longer while members come:
            stable after {first_s:.1f} s. A commit from an old generation is refused.
        """,
        follow_up="What is the generation good for?",
        follow_up_answer="""
            It fences: heartbeats and commits carry it, and one that is not the current one is refused. So a member that
            slept through generation {last} cannot overwrite the progress of the partition's new owner.
        """,
        wrong=(
            WrongAnswer("Only the new member notices a rebalance; the others read on.", _all_give_up),
            WrongAnswer("The broker computes who gets which partition in the classic protocol.", _leader_assigns),
        ),
        picture=Picture("three", "ownership", lambda runs: _lifecycle(runs).says.rstrip(".")),
    ),
    Question(
        number=35,
        topic="groups",
        level="senior",
        asks="Eager or cooperative rebalancing: what is the difference, and what does it cost?",
        predict="An eleventh member joins ten busy ones. Eager stops how many times as many partition-seconds?",
        flights={
            "eager": Experiment(JOIN, {"protocol": "eager"}),
            "cooperative": Experiment(JOIN, {"protocol": "cooperative"}),
            "quick-eager": Experiment(JOIN, {"protocol": "eager", **QUICK}),
            "quick-cooperative": Experiment(JOIN, {"protocol": "cooperative", **QUICK}),
        },
        prove=_ratio,
        answer="""
            With an eager assignor every member gives up all partitions before it joins again, and everything stands
            still until the slowest has finished its batch and joined. With cooperative-sticky members keep what they
            have and read on; only what moves is given up, and a second rebalance hands it out. When an eleventh member
            joined ten busy ones, eager stopped all {all} partitions, {eager_s:.1f} partition-seconds in all;
            cooperative stopped {moved}, {cooperative_s:.1f} partition-seconds: the factor is {ratio:.1f}. It is not
            free: two rebalances, and what moves waits longer. With members that poll all the time, eager cost
            {quick_eager_s:.2f} and cooperative {quick_cooperative_s:.1f}. It pays with long batches and many
            partitions, and where revoking is dear, as with state or caches.
        """,
        follow_up="How do you move a running group from range to cooperative-sticky?",
        follow_up_answer="""
            With two rolling restarts: first list both assignors, then remove the old one. The group uses a strategy
            that all members know, so a mixed group must still find one; in the end {moved} partitions stop at a join,
            not {all}.
        """,
        wrong=(
            WrongAnswer("Cooperative rebalancing always stops less.", _not_always),
            WrongAnswer("A cooperative rebalance is over sooner.", _not_sooner),
        ),
        picture=Picture("cooperative", "ownership", lambda runs: _ratio(runs).says.rstrip(".")),
    ),
    Question(
        number=36,
        topic="groups",
        level="senior",
        asks="What does the new consumer group protocol, KIP-848, change?",
        predict="An eleventh member joins ten busy ones under KIP-848. How many partition-seconds without an owner?",
        flights={
            "kip-848": Experiment(JOIN, {"protocol": "kip-848"}),
            "eager": Experiment(JOIN, {"protocol": "eager"}),
            "quick": Experiment(JOIN, {"protocol": "kip-848", **QUICK}),
        },
        prove=_reconciled,
        answer="""
            The coordinator assigns now, not a member, and there is no JoinGroup and SyncGroup with a barrier for all:
            each member has one heartbeat, by default every {heartbeat_s:g} s, in which it tells what it owns and learns
            what it should own. The coordinator computes a target and reconciles each member on its own: first the old
            owner gives a partition up, then the new one gets it. So one slow member holds up only what it has to give.
            In the run {moved} partitions stopped for {new_s:.1f} partition-seconds, against {all} and {eager_s:.1f}
            with the eager protocol. What moves still waits for heartbeats. A client asks for it by
            group.protocol=consumer; session and heartbeat are then the broker's settings.
        """,
        follow_up="So is a partition that moves handed over at once?",
        follow_up_answer="""
            No. Even with members that poll all the time one was without an owner for {idle_s:.1f} s, as the new owner
            learns at its next heartbeat that the old one has let go. What is better is that nobody else stops.
        """,
        wrong=(
            WrongAnswer("With KIP-848 partitions move without a pause.", _not_at_once),
            WrongAnswer("Every change of the group still stops all its members.", _no_generation_for_all),
        ),
        picture=Picture("kip-848", "ownership", lambda runs: _reconciled(runs).says.rstrip(".")),
    ),
)
