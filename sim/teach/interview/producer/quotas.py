"""A quota, and how a producer feels it."""

from functools import partial

from sim.actors.client.app import App, Behaviour
from sim.actors.producer.delivery import Delivery
from sim.machine.clock import MILLISECOND, SECOND
from sim.rules.facts.journal import BatchFailed
from sim.run import Run
from sim.scenario import Scenario
from sim.teach.interview.question import Experiment, Picture, Proof, Question, Runs, WrongAnswer
from sim.teach.interview.workloads import Steps
from sim.world.cluster import ClusterSpec
from sim.world.plan import AppSpec, Plan
from sim.world.settings import Knob, Settings
from sim.world.topics import Topic

__all__ = ["QUESTIONS"]

QUOTA, RECORD_BYTES, LOAD_S = 50_000, 1000, 60
RATES = {"greedy": 150, "modest": 10}
Points = list[tuple[float, float]]
"""For each record that is acknowledged when that was, in seconds, and how long after it was due, in milliseconds."""


def _writer(name: str, brokers: int, notes: Points) -> Behaviour:
    """Sends to all brokers in turn, as fast as send() lets it, until the load is over."""

    def run(app: App) -> Steps:
        def told(due: int, delivery: Delivery) -> None:
            if delivery.batch.error is None:
                notes.append((app.now / SECOND, (app.now - due) / MILLISECOND))

        producer, number = app.producer(client_id=name, buffer_memory=1 << 19), 0
        while app.now < LOAD_S * SECOND:
            due = yield from app.arrive(number * SECOND // RATES[name])
            yield from producer.send(
                "events", bytes(RECORD_BYTES), partition=number % brokers, on_delivery=partial(told, due), sent_at=due
            )
            number += 1
        yield from producer.close(timeout_ms=0)

    return run


def _make(settings: Settings) -> Plan:
    notes: dict[str, Points] = {name: [] for name in RATES}
    brokers: int = settings["brokers"]
    return Plan(
        duration=None,
        cluster=ClusterSpec(
            brokers=brokers,
            racks=1,
            client_quotas={"greedy": {"producer_byte_rate": QUOTA}},
            group_topics=False,
        ),
        topics=(Topic("events", brokers),),
        apps=tuple(AppSpec(name, _writer(name, brokers, notes[name]), name, finite=True) for name in RATES),
        stages=tuple((name, "events") for name in RATES),
        wrap_up=lambda complete: notes if complete else {},
    )


QUOTAS = Scenario(
    name="a-greedy-producer",
    summary="A producer wants three times its quota, and another one has none.",
    story="",
    make=_make,
    knobs={"brokers": Knob(1, "brokers, with one partition each", 1, 10)},
)


def _achieved(run: Run, name: str) -> float:
    """What a producer got acknowledged, in kB of values a second."""
    return len(run.results[name]) * RECORD_BYTES / 1000 / LOAD_S


def _at_the_quota(runs: Runs) -> Proof:
    run = runs["one broker"]
    wanted, quota, achieved = RATES["greedy"] * RECORD_BYTES / 1000, QUOTA / 1000, _achieved(run, "greedy")
    throttles = [(client, ms) for _, client, ms in run.recorded().hindsight.throttled]
    throttled_s = sum(ms for _, ms in throttles) / 1000
    return Proof(
        abs(achieved / quota - 1) < 0.1 and {client for client, _ in throttles} == {"greedy"},
        round(achieved, 1),
        "kB/s",
        f"A producer that wants {wanted:g} kB/s and may send {quota:g} achieved {achieved:.1f} kB/s; {len(throttles)} "
        f"of its requests were throttled, for {throttled_s:.0f} of {LOAD_S} s.",
        {
            "wanted": wanted,
            "quota": quota,
            "achieved": achieved,
            "requests": len(throttles),
            "throttled_s": throttled_s,
            "longest_ms": max(ms for _, ms in throttles),
            "load_s": LOAD_S,
            "late_s": max(late for _, late in run.results["greedy"]) / 1000,
            "modest_ms": max(late for _, late in run.results["modest"]),
            "two": _achieved(runs["two brokers"], "greedy"),
            "samples": run.flight.cluster.config.quota_window_num,
        },
    )


def _no_error(runs: Runs) -> tuple[bool, str]:
    run = runs["one broker"]
    failed = [at for at, fact in run.facts if isinstance(fact, BatchFailed) and at < LOAD_S * SECOND]
    count = len(run.recorded().hindsight.throttled)
    return not failed and count > 0, (
        f"{count} requests were throttled, and {len(failed)} batches failed while it was sending: the broker only "
        "reads nothing more from the connection for a while."
    )


def _each_broker(runs: Runs) -> tuple[bool, str]:
    one, two = (_achieved(run, "greedy") for run in runs.values())
    return two > 1.8 * one, (
        f"Each broker counts for itself. With the same quota of {QUOTA / 1000:g} kB/s the producer achieved {one:.0f} "
        f"kB/s on one broker, {two:.0f} on two."
    )


QUESTIONS = (
    Question(
        number=21,
        topic="producer",
        level="senior",
        asks="How do quotas work, and how does a producer notice?",
        predict="A producer wants to send 150 kB a second and has a producer_byte_rate of 50,000 on the only broker. "
        "How many kB a second does it achieve?",
        flights={
            "one broker": Experiment(QUOTAS, recorded=True),
            "two brokers": Experiment(QUOTAS, {"brokers": 2}),
        },
        prove=_at_the_quota,
        answer="""
            An administrator sets producer_byte_rate, consumer_byte_rate or request_percentage for users or client ids.
            Each broker measures the rate over {samples} samples, of a second by default. Who is above it is not
            refused: the request is carried out, the answer carries a throttle time, and the broker does not read from
            that connection meanwhile; clients wait, too. In the run a producer wanted {wanted:g} kB/s with a quota of
            {quota:g} and achieved {achieved:.1f}. {requests} of its requests were throttled, {throttled_s:.0f} of
            {load_s} s. Behind that its buffer filled, send() blocked, and records came up to {late_s:.1f} s late: the
            throttle becomes backpressure. The producer beside it felt nothing, {modest_ms:.0f} ms at most. Watch
            produce-throttle-time-avg and -max in the client.
        """,
        follow_up="Is the limit for the whole cluster?",
        follow_up_answer="""
            No, for each broker. With leaders on two brokers the same producer achieved {two:.0f} kB/s with a quota of
            {quota:g}. And it is an average over the window, so that bursts pass at first. To limit a tenant of a
            cluster, divide by the brokers that lead its partitions.
        """,
        wrong=(
            WrongAnswer("Who exceeds the quota gets an error.", _no_error),
            WrongAnswer("The quota holds for the cluster.", _each_broker),
        ),
        picture=Picture(
            x="seconds",
            y="records acknowledged so far",
            curves=lambda runs: {
                f"{name}: {_achieved(runs['one broker'], name):.1f} kB/s": _so_far(runs["one broker"], name)
                for name in RATES
            },
            title=lambda runs: _at_the_quota(runs).says.split(";")[0],
        ),
    ),
)


def _so_far(run: Run, name: str) -> Points:
    return [(0.0, 0.0), *((at_s, float(number + 1)) for number, (at_s, _) in enumerate(run.results[name]))]
