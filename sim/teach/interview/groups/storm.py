"""Batches that take longer than a group waits for the next poll."""

from sim.actors.client.app import App, Behaviour
from sim.actors.client.client_errors import CommitFailedError
from sim.rules.config import ConsumerConfig
from sim.teach.interview.groups.parts import Steps, experiment, flown, rebalances, source
from sim.teach.interview.question import Experiment, Picture, Proof, Question, Runs, WrongAnswer
from sim.world.plan import Plan
from sim.world.settings import Knob, Settings
from sim.world.workload import Constant

__all__ = ["QUESTIONS"]

SHARES, BATCH = (0.5, 0.8, 0.95, 1.05, 1.2, 1.6), 10
BELOW, ABOVE = max(share for share in SHARES if share < 1), min(share for share in SHARES if share > 1)


def _scorer(group_id: str, batch_ms: float, limit_ms: int, work: dict[str, int]) -> Behaviour:
    """Works on a whole batch before it polls again, and commits it afterwards."""

    def run(app: App) -> Steps:
        limits = {"max_poll_records": BATCH, "max_poll_interval_ms": limit_ms, "enable_auto_commit": False}
        consumer = app.consumer(group_id, ["payments"], **{"auto_offset_reset": "earliest", **limits})
        while True:
            if records := (yield from consumer.poll(500)):
                yield app.busy(ms=batch_ms * len(records) / BATCH)
                work["done"] += len(records)
                try:
                    yield from consumer.commit()
                    work["useful"] += len(records)
                except CommitFailedError:
                    work["refused"] += 1

    return run


def _storm(settings: Settings) -> Plan:
    limit_ms, end_s = settings["limit_ms"], settings["end_s"]
    works = {share: {"done": 0, "useful": 0, "refused": 0} for share in SHARES}
    scorers = {
        f"at-{100 * share:.0f}.{number}": _scorer(f"at-{100 * share:.0f}", share * limit_ms, limit_ms, work)
        for share, work in works.items()
        for number in (1, 2)
    }
    apps = {"to-payments": source("payments", Constant(1), 1, 4, backlog=800), **scorers}
    groups = {f"at-{100 * share:.0f}": "payments" for share in SHARES}
    return flown(end_s, {"payments": 4}, apps, groups, results=lambda: {"work": works}, drain_s=0)


STORM = experiment(
    "batches-near-the-limit",
    "Groups whose batches take from half of max.poll.interval.ms to more than all of it.",
    _storm,
    limit_ms=Knob(10_000, "max.poll.interval.ms of all groups", 1000, 1_000_000),
    end_s=Knob(120, "when the flight ends, in seconds", 10, 10_000),
)


def _useful(runs: Runs) -> dict[float, float]:
    """The share of the work that was committed, by the length of a batch as a share of the limit."""
    return {share: work["useful"] / work["done"] for share, work in runs["storm"].results["work"].items()}


def _transition(runs: Runs) -> Proof:
    useful, work = _useful(runs), runs["storm"].results["work"]
    return Proof(
        all((share == 1) if length < 1 else (share < 0.1) for length, share in useful.items()),
        100 * useful[ABOVE],
        "% of the work is useful",
        f"Batches that take {BELOW:.0%} of max.poll.interval.ms: {useful[BELOW]:.0%} of the work is committed; "
        f"{ABOVE:.0%} of it: {useful[ABOVE]:.0%}.",
        {"below": BELOW, "above": ABOVE, "useful_below": useful[BELOW], "useful_above": useful[ABOVE]}
        | {"vain": work[ABOVE]["done"] - work[ABOVE]["useful"], "limit_s": ConsumerConfig().max_poll_interval_ms / 1000}
        | {"rebalances": rebalances(runs["storm"], f"at-{100 * ABOVE:.0f}"), "batch": ConsumerConfig().max_poll_records}
        | {"each_ms": ConsumerConfig().max_poll_interval_ms / ConsumerConfig().max_poll_records},
    )


def _a_cliff(runs: Runs) -> tuple[bool, str]:
    work = runs["storm"].results["work"][ABOVE]
    return _useful(runs)[ABOVE] < 0.1, (
        f"With batches of {ABOVE:.0%} of the limit {work['done']} records were worked on, {work['useful']} of them "
        f"counted, and {work['refused']} commits were refused."
    )


def _session_is_no_help(runs: Runs) -> tuple[bool, str]:
    session_s, limit_s = ConsumerConfig().session_timeout_ms / 1000, runs["storm"].settings["limit_ms"] / 1000
    return session_s > max(SHARES) * limit_s and _useful(runs)[ABOVE] < 0.1, (
        f"The session of {session_s:g} s was longer than any batch, and of those of {ABOVE * limit_s:.1f} s none "
        f"counted: the limit was max.poll.interval.ms, {limit_s:g} s."
    )


QUESTIONS = (
    Question(
        number=39,
        topic="groups",
        level="senior",
        asks="What is a rebalance storm, and how does one get out of it?",
        predict=f"Batches take {ABOVE:.0%} of max.poll.interval.ms. How many percent of the work is committed?",
        flights={"storm": Experiment(STORM)},
        prove=_transition,
        answer="""
            A batch takes longer than max.poll.interval.ms. The client leaves the group in the middle of its work, the
            group rebalances, its commit is refused, and whoever gets the partitions starts the same records again, too
            slowly again. It is a cliff, not a slope: with batches of {below:.0%} of the limit {useful_below:.0%} of the
            work was committed, with {above:.0%} of it {useful_above:.0%}, after {rebalances} rebalances and {vain}
            records worked on in vain. And it feeds itself, as a backlog makes every batch full. The way out is a
            shorter batch: with {batch} records and {limit_s:g} s a record may take {each_ms:.0f} ms. So lower
            max.poll.records first, or raise the interval; then make the work faster or hand it to a pool with pause and
            resume. A restart does not help.
        """,
        follow_up="Which metrics show a storm before customers do?",
        follow_up_answer="""
            The rebalance rate of the group, and poll-idle-ratio-avg near zero: time between polls near the limit. Lag
            grows though all members are busy, and commits fail: at {above:.0%} of the limit it is already too late.
        """,
        wrong=(
            WrongAnswer("Five percent too slow costs five percent of the throughput.", _a_cliff),
            WrongAnswer("Raise session.timeout.ms.", _session_is_no_help),
        ),
        picture=Picture(
            x="time for a batch, % of max.poll.interval.ms",
            y="work that is committed, %",
            curves=lambda runs: {
                "useful work": [(100 * length, 100 * share) for length, share in _useful(runs).items()]
            },
            title=lambda runs: _transition(runs).says.rstrip("."),
        ),
    ),
)
