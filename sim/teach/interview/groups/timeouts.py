"""Who is still a member: names that survive a restart, and three clocks that tell that somebody is gone."""

from typing import Any

from sim.rules.config import ConsumerConfig
from sim.teach.interview.groups.parts import (
    experiment,
    flown,
    member,
    ownerless_s,
    rebalances,
    removed_at,
    source,
)
from sim.teach.interview.question import Experiment, Picture, Proof, Question, Runs, WrongAnswer
from sim.world.faults import AppCrash, AppHang, SlowHandler
from sim.world.plan import Plan
from sim.world.settings import Knob, Settings
from sim.world.workload import Constant

__all__ = ["QUESTIONS"]

GROUP, TROUBLE_S, FOREVER_S = "sorters", 12, 1000
PARTITIONS, AWAY_S, LONG_AWAY_S = 6, 20.0, 60.0


def _restart(settings: Settings) -> Plan:
    end_s = TROUBLE_S + settings["away_s"] + 10
    static = settings["static"]
    names: dict[int, dict[str, Any]] = {n: {"group_instance_id": f"sorter-{n}"} if static else {} for n in (1, 2, 3)}
    sorters = {
        f"{GROUP}.{number}": member(
            GROUP, "parcels", 5.0, 0.0, TROUBLE_S if number == 2 else None, settings["away_s"], **config
        )
        for number, config in names.items()
    }
    parcels = source("parcels", Constant(10), end_s, PARTITIONS)
    return flown(end_s, {"parcels": PARTITIONS}, {"to-parcels": parcels, **sorters}, {GROUP: "parcels"})


def _silence(settings: Settings) -> Plan:
    how, end_s = settings["how"], settings["end_s"]
    victim, at, lasts = f"{GROUP}.2", f"{TROUBLE_S}s", f"{FOREVER_S}s"
    faults = {
        "crash": (AppCrash(app=victim, at=at),),
        "hang": (AppHang(app=victim, at=at, lasts=lasts),),
        "slow": (SlowHandler(app=victim, at=at, lasts=lasts, factor=1e6),),
    }
    closes_at_s = TROUBLE_S if how == "close" else None
    sorters = {
        f"{GROUP}.1": member(GROUP, "parcels", 5.0),
        victim: member(GROUP, "parcels", 5.0, 0.0, closes_at_s, FOREVER_S),
    }
    apps = {"to-parcels": source("parcels", Constant(2), end_s, 2), **sorters}
    return flown(end_s, {"parcels": 2}, apps, {GROUP: "parcels"}, faults.get(how, ()), drain_s=0)


RESTART = experiment(
    "a-member-restarts",
    "A member of three is closed and comes back after a while, with a name of its own or without one.",
    _restart,
    static=Knob(True, "whether members have a group.instance.id"),
    away_s=Knob(AWAY_S, "how long the member is away, in seconds", 1, 1000),
)
SILENCE = experiment(
    "a-member-falls-silent",
    "A member of two is killed, hangs, is slow, or is closed: when does its group notice?",
    _silence,
    how=Knob("crash", "crash, hang, slow or close"),
    end_s=Knob(60, "when the flight ends, in seconds", 20, 1000),
)


def _named(runs: Runs) -> Proof:
    static, dynamic, long = (rebalances(runs[name], GROUP, TROUBLE_S) for name in ("static", "dynamic", "long"))
    unread_s = max(ownerless_s(runs["static"], GROUP, TROUBLE_S, FOREVER_S))
    return Proof(
        static == 0 and dynamic >= 2 and long >= 1,
        static,
        "rebalances",
        f"A member that is away for {AWAY_S:g} s causes {static} rebalances with a group.instance.id and {dynamic} "
        f"without; one that is away for {LONG_AWAY_S:g} s causes {long}.",
        {"static": static, "dynamic": dynamic, "long": long, "unread_s": unread_s, "away_s": AWAY_S}
        | {"session_s": ConsumerConfig().session_timeout_ms / 1000, "noticed_s": removed_at(runs["long"])[0][0]}
        | {"lost_after_s": removed_at(runs["long"])[0][0] - TROUBLE_S, "long_away_s": LONG_AWAY_S},
    )


def _unread_meanwhile(runs: Runs) -> tuple[bool, str]:
    unread = ownerless_s(runs["static"], GROUP, TROUBLE_S, FOREVER_S)
    other = ownerless_s(runs["dynamic"], GROUP, TROUBLE_S, FOREVER_S)
    return min(unread) >= AWAY_S > max(other), (
        f"Nobody read {len(unread)} partitions for {min(unread):.1f} s. Without names the others took them over, and "
        f"no partition was without an owner for more than {max(other):.1f} s."
    )


def _not_for_ever(runs: Runs) -> tuple[bool, str]:
    times = removed_at(runs["long"])
    after_s = times[0][0] - TROUBLE_S
    return bool(times) and rebalances(runs["long"], GROUP, TROUBLE_S) >= 1, (
        f"One that was away for {LONG_AWAY_S:g} s was put out after {after_s:.1f} s, when its session had run out."
    )


def _noticed_s(runs: Runs, how: str) -> float:
    """How long after the trouble the member was removed, in seconds."""
    return removed_at(runs[how], TROUBLE_S)[0][0] - TROUBLE_S


def _clocks(runs: Runs) -> Proof:
    found = {how: _noticed_s(runs, how) for how in ("crash", "hang", "slow", "close")}
    config = ConsumerConfig()
    session_s, heartbeat_s = config.session_timeout_ms / 1000, config.heartbeat_interval_ms / 1000
    poll_s = config.max_poll_interval_ms / 1000
    silent = session_s - heartbeat_s <= found["crash"] <= session_s and found["hang"] <= session_s
    return Proof(
        silent and poll_s <= found["slow"] < poll_s + 2 and found["close"] < 1,
        found["crash"],
        "seconds until a killed member is noticed",
        f"A member is missed after {found['crash']:.1f} s when it is killed, {found['hang']:.1f} s when it hangs, "
        f"{found['slow']:.1f} s when its work does not end, {found['close']:.1f} s when it is closed.",
        {**found, "session_s": session_s, "heartbeat_s": heartbeat_s, "poll_s": poll_s},
    )


def _not_by_the_session(runs: Runs) -> tuple[bool, str]:
    slow_s, session_s = _noticed_s(runs, "slow"), ConsumerConfig().session_timeout_ms / 1000
    return slow_s > 2 * session_s, (
        f"One that was stuck in its work left after {slow_s:.1f} s, not after the session's {session_s:g} s: "
        "heartbeats come from a thread of their own."
    )


def _not_by_the_connection(runs: Runs) -> tuple[bool, str]:
    crash_s = _noticed_s(runs, "crash")
    return crash_s > 10, f"The process was dead and its connections closed, and the group waited for {crash_s:.1f} s."


QUESTIONS = (
    Question(
        number=37,
        topic="groups",
        level="senior",
        asks="What is static membership, and when does it help?",
        predict=f"A member with a group.instance.id is closed and back after {AWAY_S:g} s: how many rebalances?",
        flights={
            "static": Experiment(RESTART, {"static": True}),
            "dynamic": Experiment(RESTART, {"static": False}),
            "long": Experiment(RESTART, {"static": True, "away_s": LONG_AWAY_S}),
        },
        prove=_named,
        answer="""
            A member without a name is a stranger whenever it joins: a rolling restart costs a rebalance when it leaves
            and one when it returns. With group.instance.id the coordinator knows it again. It does not leave when it is
            closed, and if it is back within session.timeout.ms, {session_s:g} s by default, it gets its old partitions
            without a rebalance. In the run a restart of {away_s:g} s caused {static} rebalances with names and
            {dynamic} without. The price: nobody reads its partitions meanwhile, {unread_s:.1f} s in the run, and a
            member that really died is missed only when the session ends. So set the session a little longer than a
            restart takes; it helps most where state has to be moved.
        """,
        follow_up="And if the member does not come back in time?",
        follow_up_answer="""
            Then the session runs out like that of any other: in the run it was put out after {lost_after_s:.1f} s, and
            its partitions went to the others in a rebalance. Being away for {long_away_s:g} s caused {long}.
        """,
        wrong=(
            WrongAnswer("With static membership the others read the partitions during a restart.", _unread_meanwhile),
            WrongAnswer("A static member keeps its partitions for ever.", _not_for_ever),
        ),
        picture=Picture("static", "ownership", lambda runs: _named(runs).says.rstrip(".")),
    ),
    Question(
        number=38,
        topic="groups",
        level="junior",
        asks="session.timeout.ms, heartbeat.interval.ms, max.poll.interval.ms: which one notices what?",
        predict="A consumer's process is killed. After how many seconds does its group notice, with the defaults?",
        flights={
            "crash": Experiment(SILENCE, {"how": "crash"}),
            "hang": Experiment(SILENCE, {"how": "hang"}),
            "slow": Experiment(SILENCE, {"how": "slow", "end_s": 330}),
            "close": Experiment(SILENCE, {"how": "close"}),
        },
        prove=_clocks,
        answer="""
            A background thread sends a heartbeat every {heartbeat_s:g} s. If the coordinator hears none for
            session.timeout.ms, {session_s:g} s, the member is gone: that finds dead and frozen processes and broken
            networks, after {crash:.1f} s in the run for a kill and {hang:.1f} s for a hang. It does not find a consumer
            whose thread lives while its work is stuck. For that there is max.poll.interval.ms, {poll_s:g} s: if poll is
            not called for so long, the client itself leaves the group; that took {slow:.1f} s. A clean close says so
            and takes {close:.1f} s. The heartbeat interval should be at most a third of the session, so that a lost one
            does no harm; it is also how soon members hear of a rebalance.
        """,
        follow_up="Why not set session.timeout.ms to a few seconds?",
        follow_up_answer="""
            Then each pause of garbage collection or of the network puts members out, and each time costs two
            rebalances. You trade {crash:.0f} s of unread partitions after a rare crash for false alarms; shorten it
            only as far as pauses allow.
        """,
        wrong=(
            WrongAnswer("A consumer that processes for longer than the session is put out.", _not_by_the_session),
            WrongAnswer("The broker sees the broken connection and rebalances at once.", _not_by_the_connection),
        ),
        picture=Picture("crash", "ownership", lambda runs: _clocks(runs).says.rstrip(".")),
    ),
)
