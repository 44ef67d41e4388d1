"""What a slow service behind the consumers does: how many of them it takes, and what a buffer before it needs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import mean
from typing import Any

from sim.actors.client.app import App, Behaviour
from sim.machine.clock import SECOND
from sim.rules.config import ConsumerConfig
from sim.run import Run
from sim.teach.interview.groups.parts import Steps, experiment, flown, removed_at, source
from sim.teach.interview.question import Experiment, Picture, Proof, Question, Runs, WrongAnswer
from sim.world.plan import Plan
from sim.world.settings import Knob, Settings
from sim.world.workload import Constant, Poisson

__all__ = ["QUESTIONS"]

READY_S, CALLS_END_S = 18, 45
STALL_S, BACK_S, BATCH, ROOM = 12, 52, 50, 100


@dataclass(slots=True)
class Calls:
    """Calls: how many are under way, now and at each look, and of each when it began and how long it took (ns)."""

    under_way: int = 0
    seen: list[int] = field(default_factory=list)
    took: list[tuple[int, int]] = field(default_factory=list)


def _caller(latency_ms: float, calls: Calls) -> Behaviour:
    """Calls the service for each record, and waits for the answer."""

    def run(app: App) -> Steps:
        chance = app.machine.streams.columns(f"{app.name} calls")
        config: dict[str, Any] = {
            "auto_offset_reset": "earliest",
            "auto_commit_interval_ms": 1000,
            "max_poll_records": 5,
        }
        consumer = app.consumer("callers", ["orders"], **config)
        while True:
            for _ in (yield from consumer.poll(500)):
                begun, calls.under_way = app.now, calls.under_way + 1
                yield app.busy(ms=chance.exponential(latency_ms))
                calls.under_way -= 1
                calls.took.append((begun, app.now - begun))

    return run


def _watcher(calls: Calls) -> Behaviour:
    """Counts the calls that are under way, ten times a second."""

    def run(app: App) -> Steps:
        yield app.until(READY_S * SECOND)
        while app.now < CALLS_END_S * SECOND:
            calls.seen.append(calls.under_way)
            yield app.busy(ms=100)

    return run


def _calling(settings: Settings) -> Plan:
    calls, members = Calls(), settings["members"]
    callers = {f"callers.{number}": _caller(settings["latency_ms"], calls) for number in range(1, members + 1)}

    def results() -> Mapping[str, object]:
        within = [took for begun, took in calls.took if READY_S * SECOND <= begun < CALLS_END_S * SECOND]
        return {
            "under_way": mean(calls.seen),
            "calls_per_s": len(within) / (CALLS_END_S - READY_S),
            "latency_s": mean(within) / SECOND,
        }

    orders = source("orders", Poisson(settings["rate_per_s"]), CALLS_END_S, members)
    apps = {"to-orders": orders, "watcher": _watcher(calls), **callers}
    return flown(CALLS_END_S, {"orders": members}, apps, {"callers": "orders"}, results=results, drain_s=0)


@dataclass(slots=True)
class Buffer:
    """Records that a consumer has taken and not written: now, at the most, and after each poll with its time (s)."""

    waiting: int = 0
    most: int = 0
    seen: list[tuple[float, float]] = field(default_factory=list)


def _writer(app: App, writes_per_s: float, buffer: Buffer) -> Steps:
    """Writes what is in the buffer, but for the time in which the database stands still."""
    while True:
        stalled = STALL_S * SECOND <= app.now < BACK_S * SECOND
        yield app.until(BACK_S * SECOND) if stalled else app.busy(ms=1000 / writes_per_s)
        buffer.waiting -= min(1, buffer.waiting)


def _loader(settings: Settings, buffer: Buffer) -> Behaviour:
    """Reads into the buffer; when that is full it pauses its partitions, does not poll, or swallows more."""

    def run(app: App) -> Steps:
        app.spawn(_writer(app, settings["writes_per_s"], buffer))
        limits = {"max_poll_records": BATCH, "max_poll_interval_ms": settings["limit_ms"]}
        consumer = app.consumer("loaders", ["rows"], **{"auto_offset_reset": "earliest", **limits})
        while True:
            records = yield from consumer.poll(200)
            buffer.waiting += len(records)
            buffer.most = max(buffer.most, buffer.waiting)
            buffer.seen.append((app.now / SECOND, buffer.waiting))
            if settings["how"] == "pause" and buffer.waiting >= ROOM:
                consumer.pause(consumer.assignment())
            elif buffer.waiting <= ROOM // 2:
                consumer.resume(consumer.paused())
            while settings["how"] == "wait" and buffer.waiting >= ROOM:
                yield app.busy(ms=100)

    return run


def _buffering(settings: Settings) -> Plan:
    buffer, end_s = Buffer(), settings["end_s"]
    rows = source("rows", Constant(settings["rate_per_s"]), end_s, 4)
    apps = {"to-rows": rows, "loaders.1": _loader(settings, buffer)}
    return flown(
        end_s, {"rows": 4}, apps, {"loaders": "rows"}, results=lambda: {"most": buffer.most, "seen": buffer.seen}
    )


CALLING = experiment(
    "calls-of-a-service",
    "Each member calls a service for each order, and waits for the answer.",
    _calling,
    rate_per_s=Knob(50, "orders that come each second", 1, 1000),
    latency_ms=Knob(200.0, "how long a call takes on average, in milliseconds", 1, 10_000),
    members=Knob(16, "members of the group, and partitions", 1, 100),
)
BUFFERING = experiment(
    "a-buffer-before-a-database",
    "A consumer reads into a buffer while the database behind it stands still for forty seconds.",
    _buffering,
    how=Knob("pause", "what it does when the buffer is full: pause, wait or swallow"),
    limit_ms=Knob(30_000, "max.poll.interval.ms", 1000, 1_000_000),
    rate_per_s=Knob(20, "rows that come each second", 1, 1000),
    writes_per_s=Knob(60.0, "rows that the database takes each second", 1, 1000),
    end_s=Knob(65, "how long rows come, in seconds", 1, 1000),
)


def _little(runs: Runs) -> Proof:
    found, slow = runs["calls"].results, runs["slow"]
    law = found["calls_per_s"] * found["latency_s"]
    settings = slow.settings
    return Proof(
        abs(found["under_way"] - law) < 0.05 * law and slow.results["under_way"] > 0.99 * settings["members"],
        found["under_way"],
        "calls under way on average",
        f"{found['calls_per_s']:.1f} calls a second of {1000 * found['latency_s']:.0f} ms each make {law:.1f} by "
        f"Little's law; on average {found['under_way']:.1f} were under way.",
        {"rate": found["calls_per_s"], "ms": 1000 * found["latency_s"], "law": law, "seen": found["under_way"]}
        | {"members": settings["members"], "slow_ms": settings["latency_ms"], "slow_rate": slow.results["calls_per_s"]}
        | {"needed": settings["rate_per_s"] * settings["latency_ms"] / 1000, "growth": _growth(slow)}
        | {"come": settings["rate_per_s"]},
    )


def _growth(run: Run) -> float:
    """By how many records a second the lag grows once all is under way."""
    times, lags = run.metrics.series("records-lag", group="callers")
    since = times.index(float(READY_S))
    return (lags[-1] - lags[since]) / (times[-1] - times[since])


def _not_only_slower(runs: Runs) -> tuple[bool, str]:
    run, growth = runs["slow"], _growth(runs["slow"])
    return growth > 2, (
        f"With calls twice as long all {run.settings['members']} members were busy, {run.results['under_way']:.1f} on "
        f"average, did {run.results['calls_per_s']:.1f} a second, and the lag grew by {growth:.1f} records a second."
    )


def _bounded(runs: Runs) -> Proof:
    most = {name: run.results["most"] for name, run in runs.items()}
    return Proof(
        most["pause"] < ROOM + BATCH < most["swallow"] / 2
        and not removed_at(runs["pause"])
        and runs["pause"].verdict.ok,
        most["pause"],
        "records in the buffer at most",
        f"With pause and resume at most {most['pause']} records are in the buffer, and nobody leaves the group; "
        f"without it {most['swallow']}.",
        {"most": most["pause"], "room": ROOM, "batch": BATCH, "swallowed": most["swallow"], "stall_s": BACK_S - STALL_S}
        | {"left": len(removed_at(runs["wait"])), "again": runs["wait"].verdict.redelivered["loaders"]}
        | {"default": ConsumerConfig().max_poll_records, "interval_s": ConsumerConfig().max_poll_interval_ms / 1000},
    )


def _do_not_poll(runs: Runs) -> tuple[bool, str]:
    left, again = removed_at(runs["wait"]), runs["wait"].verdict.redelivered["loaders"]
    limit_s = runs["wait"].settings["limit_ms"] / 1000
    return bool(left) and again > 0, (
        f"Who did not poll while the buffer was full left the group after {limit_s:g} s, at {left[0][0]:.1f} s, though "
        f"it lived; {again} records came to it again."
    )


def _kafka_does_not(runs: Runs) -> tuple[bool, str]:
    most = runs["swallow"].results["most"]
    return most > 3 * ROOM, (
        f"poll went on to hand out records: {most} were in the buffer in the end. max.poll.records bounds one poll, "
        f"{BATCH} here, not what you keep."
    )


QUESTIONS = (
    Question(
        number=45,
        topic="groups",
        level="senior",
        asks="Your consumers call a service for each record. How many do you need, and what if it becomes slower?",
        predict="50 orders come each second and a call takes 200 ms. How many calls are under way on average?",
        flights={"calls": Experiment(CALLING), "slow": Experiment(CALLING, {"latency_ms": 400.0})},
        prove=_little,
        answer="""
            Little's law: what is under way on average is the rate times the time each takes, whatever the
            distributions. {rate:.1f} calls a second of {ms:.0f} ms make {law:.1f}; in the run {seen:.1f} were under
            way. A consumer that waits for each answer has one call under way, so that is how many consumers, and
            partitions, are busy; take a third more, or queues become long. When calls took {slow_ms:.0f} ms,
            {needed:.0f} would have been needed; all {members} were busy, did {slow_rate:.1f} of the {come} orders a
            second, and the lag grew by {growth:.1f} records every second. So latency downstream is capacity upstream.
            The ways out are more calls at a time, in a pool or in batches, more partitions, or a faster service.
        """,
        follow_up="Why not simply call asynchronously and go on reading?",
        follow_up_answer="""
            It raises the number of calls under way, which is what the law asks for. But offsets may be committed only
            up to the first unanswered call, order by key needs a queue for each key, and the number must be bounded:
            here {needed:.0f}, not endlessly many.
        """,
        wrong=(WrongAnswer("If the service takes twice as long, records are just twice as late.", _not_only_slower),),
        picture=Picture("slow", "lag", lambda runs: _not_only_slower(runs)[1].rstrip(".")),
    ),
    Question(
        number=46,
        topic="groups",
        level="senior",
        asks="The database behind a consumer stands still. How do you keep memory bounded and stay in the group?",
        predict=f"A buffer pauses at {ROOM} records, polls return {BATCH}. How many records does it hold at most?",
        flights={how: Experiment(BUFFERING, {"how": how}) for how in ("pause", "wait", "swallow")},
        prove=_bounded,
        answer="""
            With pause and resume. The consumer hands records to a bounded buffer. When that is full it pauses its
            partitions and goes on polling: poll returns nothing, but it counts for max.poll.interval.ms and takes part
            in rebalances. When there is room it resumes. The bound is the buffer's limit and one more poll: with {room}
            and max.poll.records {batch} it held {most} at most while the database stood still for {stall_s} s. Without
            pause it swallowed {swallowed}. Who simply did not poll until there was room left the group, and {again}
            records came again. The lag then stays in Kafka, which is made for it, and is seen in the metrics. Commit
            only what is written, never what is merely in the buffer.
        """,
        follow_up="What happens to paused partitions in a rebalance?",
        follow_up_answer="""
            Pause is a state of the consumer, not of the group: what is assigned anew is not paused. So set it again in
            the listener, and on revocation drop or finish up to {most} buffered records of partitions that are gone,
            and commit what is done.
        """,
        wrong=(
            WrongAnswer("Just stop polling until the database is back.", _do_not_poll),
            WrongAnswer("Kafka's clients have backpressure of their own; poll stops by itself.", _kafka_does_not),
        ),
        picture=Picture(
            x="simulated time from the start (s)",
            y="records in the buffer",
            curves=lambda runs: {
                "pauses": runs["pause"].results["seen"],
                "does not poll": runs["wait"].results["seen"],
                "reads on": runs["swallow"].results["seen"],
            },
            title=lambda runs: _bounded(runs).says.rstrip("."),
        ),
    ),
)
