"""How long a group takes to catch up after a spike, by run and by formula."""

from bisect import bisect
from collections.abc import Mapping
from statistics import NormalDist, mean, stdev

from sim.actors.client.app import App, Behaviour
from sim.machine.clock import SECOND
from sim.teach.interview.groups.parts import Steps, experiment, flown, member
from sim.teach.interview.question import Experiment, Picture, Proof, Question, Runs, WrongAnswer
from sim.world.plan import Plan
from sim.world.settings import Knob, Settings
from sim.world.workload import Poisson

__all__ = ["QUESTIONS"]

QUEUES, SPIKE_AT_S, CONFIDENCE = 16, 10, 0.95

Moments = list[tuple[int, int]]


def _feed(settings: Settings, sent: Moments) -> Behaviour:
    """Sends records to partitions drawn by chance, and at one moment as many more to each of them."""

    def run(app: App) -> Steps:
        chance, producer = app.machine.streams.columns("partitions"), app.producer()
        load = Poisson(QUEUES * settings["rate_per_s"])
        times = load.arrivals(app.machine.streams.columns("arrivals"), settings["end_s"] * SECOND)
        usual = [(time, int(chance.integers(QUEUES))) for time in times]
        spike = [(SPIKE_AT_S * SECOND, number % QUEUES) for number in range(QUEUES * settings["spike"])]
        for time, partition in sorted([*usual, *spike]):
            yield app.until(time)
            sent.append((app.now, partition))
            yield from producer.send("orders", b"x" * 100, partition=partition)
        yield from producer.close()

    return run


def _spiked(settings: Settings) -> Plan:
    sent: Moments = []
    done: Moments = []
    each_ms = 1000 / settings["each_per_s"]
    readers = {
        f"readers.{number}": member("readers", "orders", each_ms, varies=True, done=done)
        for number in range(1, QUEUES + 1)
    }

    def results() -> Mapping[str, object]:
        spike = SPIKE_AT_S * SECOND
        waited = sum(time <= spike for time, _ in sent) - sum(time <= spike for time, _ in done)
        return {
            "took_s": [_took_s(sent, done, partition) for partition in range(QUEUES)],
            "lag": waited / QUEUES,
            "waiting": _waiting(sent, done, settings["end_s"]),
        }

    apps = {"to-orders": _feed(settings, sent), **readers}
    return flown(settings["end_s"], {"orders": QUEUES}, apps, {"readers": "orders"}, results=results)


def _took_s(sent: Moments, done: Moments, partition: int) -> float:
    """How long after the spike nothing waited in a partition for the first time, in seconds."""
    come = [(time, 1) for time, number in sent if number == partition]
    gone = [(time, -1) for time, number in done if number == partition]
    waiting = 0
    for time, step in sorted([*come, *gone]):
        waiting += step
        if waiting == 0 and time > SPIKE_AT_S * SECOND:
            break
    return time / SECOND - SPIKE_AT_S


def _waiting(sent: Moments, done: Moments, end_s: int) -> list[tuple[float, float]]:
    """How many records waited in a partition on average, twice a second from before the spike on."""
    come, gone = sorted(time for time, _ in sent), sorted(time for time, _ in done)
    moments = [half / 2 for half in range(2 * SPIKE_AT_S - 4, 2 * end_s)]
    return [(at, (bisect(come, at * SECOND) - bisect(gone, at * SECOND)) / QUEUES) for at in moments]


SPIKE = experiment(
    "a-spike",
    "Beside the usual load a spike comes to sixteen partitions, each with a reader of its own.",
    _spiked,
    rate_per_s=Knob(4.0, "orders that come to a partition each second", 0.1, 1000),
    each_per_s=Knob(10.0, "what a reader does each second, on average", 0.1, 1000),
    spike=Knob(75, "orders that come to a partition at once", 1, 10_000),
    end_s=Knob(35, "how long orders come, in seconds", 1, 1000),
)


def _caught_up(runs: Runs) -> dict[str, float]:
    """Mean time to catch up with its confidence interval, and what three formulas say, all in seconds."""
    run = runs["spike"]
    took, lag = run.results["took_s"], run.results["lag"]
    each_per_s, rate_per_s = run.settings["each_per_s"], run.settings["rate_per_s"]
    half = NormalDist().inv_cdf((1 + CONFIDENCE) / 2) * stdev(took) / len(took) ** 0.5
    found = {"took": mean(took), "low": mean(took) - half, "high": mean(took) + half, "longest": max(took), "lag": lag}
    return found | {
        "formula": lag / (each_per_s - rate_per_s),
        "by_capacity": lag / each_per_s,
        "by_arrivals": lag / rate_per_s,
        "capacity": each_per_s,
        "arrivals": rate_per_s,
        "confidence": CONFIDENCE,
        "minute": 60 * rate_per_s / (each_per_s - rate_per_s),
    }


def _drain(runs: Runs) -> Proof:
    found = _caught_up(runs)
    return Proof(
        found["low"] <= found["formula"] <= found["high"] and found["high"] - found["low"] < 0.4 * found["took"],
        found["took"],
        "seconds to catch up",
        f"{QUEUES} partitions took {found['took']:.1f} s on average, {found['low']:.1f} to {found['high']:.1f} with "
        f"{CONFIDENCE:.0%} confidence; lag / (capacity - arrivals) says {found['formula']:.1f} s.",
        found,
    )


def _without_arrivals(runs: Runs) -> tuple[bool, str]:
    found = _caught_up(runs)
    return found["by_capacity"] < found["low"], (
        f"Lag over capacity is {found['by_capacity']:.1f} s; it took {found['took']:.1f} s, as {found['arrivals']:g} "
        "new records came to each partition every second meanwhile."
    )


def _by_arrivals(runs: Runs) -> tuple[bool, str]:
    found = _caught_up(runs)
    return found["by_arrivals"] > found["high"], (
        f"Lag over arrivals is {found['by_arrivals']:.1f} s, in which so many had come; it took {found['took']:.1f} s."
    )


QUESTIONS = (
    Question(
        number=44,
        topic="groups",
        level="junior",
        asks="A group lags. How long does it take to catch up?",
        predict="78 records wait, 4 come each second, the consumer does 10 a second. How long until none is left?",
        flights={"spike": Experiment(SPIKE)},
        prove=_drain,
        answer="""
            Lag divided by what is to spare: capacity less arrivals. While the consumer works off the backlog new
            records come, so only the difference counts. In the run {lag:.0f} records waited in each partition,
            {arrivals:g} came and {capacity:g} could be done each second: the formula says {formula:.1f} s, and the
            partitions took {took:.1f} on average, with {confidence:.0%} confidence between {low:.1f} and {high:.1f};
            the unluckiest {longest:.1f}. Three warnings. Take capacity as measured under backlog, when batches are
            full. Near saturation the difference is tiny and the time is endless. And calculate for the busiest
            partition and member, not for the group: a member with two partitions has half the capacity for each.
        """,
        follow_up="How much spare capacity do you plan for?",
        follow_up_answer="""
            As much as the longest outage and the promised recovery need: an outage of t leaves arrivals times t, and
            takes arrivals times t over the difference to catch up. With {capacity:g} and {arrivals:g} a second each
            minute of outage costs {minute:.0f} s of catching up.
        """,
        wrong=(
            WrongAnswer("Lag divided by the rate of consumption.", _without_arrivals),
            WrongAnswer("Lag divided by the rate at which records come.", _by_arrivals),
        ),
        picture=Picture(
            x="simulated time from the start (s)",
            y="records that wait in a partition",
            curves=lambda runs: {
                "in the run, on average": runs["spike"].results["waiting"],
                "lag / (capacity - arrivals)": [
                    (SPIKE_AT_S, _caught_up(runs)["lag"]),
                    (SPIKE_AT_S + _caught_up(runs)["formula"], 0.0),
                ],
            },
            title=lambda runs: _drain(runs).says.rstrip("."),
        ),
    ),
)
