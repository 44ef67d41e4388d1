"""Lag: what to alert on, and how long it takes to catch up."""

from collections.abc import Mapping
from statistics import NormalDist, mean, stdev
from typing import Any

from sim.actors.client.app import App, Behaviour
from sim.machine.clock import SECOND
from sim.run import Run
from sim.teach.interview.groups.parts import Steps, experiment, flown, member, source
from sim.teach.interview.question import Experiment, Picture, Proof, Question, Runs, WrongAnswer
from sim.world.faults import SlowHandler
from sim.world.plan import Plan
from sim.world.settings import Knob, Settings
from sim.world.workload import Bursts, Poisson

__all__ = ["QUESTIONS"]

PARTITIONS, READY_S, MARGIN, WINDOW = 4, 10, 1.2, 30
QUEUES, SPIKE_AT_S, CONFIDENCE = 16, 10, 0.95

Moments = list[tuple[int, int]]


def _slowing(settings: Settings) -> Plan:
    end_s = settings["end_s"]
    load = Bursts(settings["rate_per_s"], settings["burst_per_s"], "60s", "4s")
    config: dict[str, Any] = {"auto_commit_interval_ms": 1000, "max_poll_records": 10}
    workers = {
        f"workers.{number}": member("workers", "orders", 1000 / settings["each_per_s"], **config) for number in (1, 2)
    }
    faults = [
        SlowHandler(app=name, at=f"{settings['slow_at_s']}s", lasts=f"{end_s}s", factor=settings["slower"])
        for name in workers
    ]
    apps = {"to-orders": source("orders", load, end_s, PARTITIONS), **workers}
    return flown(end_s, {"orders": PARTITIONS}, apps, {"workers": "orders"}, faults, drain_s=0)


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
        return {"took_s": [_took_s(sent, done, partition) for partition in range(QUEUES)], "lag": waited / QUEUES}

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


SLOWING = experiment(
    "bursts-and-a-slow-database",
    "Bursts come and do no harm; then the database of the consumers becomes slow.",
    _slowing,
    rate_per_s=Knob(5, "orders that come each second", 1, 1000),
    burst_per_s=Knob(120, "orders that come each second of a burst", 1, 1000),
    each_per_s=Knob(40.0, "what one member does each second", 0.1, 1000),
    slow_at_s=Knob(145, "when the database becomes slow, in seconds", 1, 1000),
    slower=Knob(40.0, "how many times as long the work takes then", 1, 1000),
    end_s=Knob(200, "when the flight ends, in seconds", 1, 1000),
)
SPIKE = experiment(
    "a-spike",
    "Beside the usual load a spike comes to sixteen partitions, each with a reader of its own.",
    _spiked,
    rate_per_s=Knob(4.0, "orders that come to a partition each second", 0.1, 1000),
    each_per_s=Knob(10.0, "what a reader does each second, on average", 0.1, 1000),
    spike=Knob(75, "orders that come to a partition at once", 1, 10_000),
    end_s=Knob(35, "how long orders come, in seconds", 1, 1000),
)


def _signals(run: Run) -> tuple[list[float], dict[str, list[float]]]:
    """Times (s) and three signals of the lag: records, the age of the oldest unread one (s), growth (records/s)."""
    times, records = run.metrics.series("records-lag", group="workers")
    ages = [
        run.metrics.series("records-lag-seconds", group="workers", partition=f"orders-{number}")[1]
        for number in range(PARTITIONS)
    ]
    growth = [(lag - records[max(0, place - WINDOW)]) / WINDOW for place, lag in enumerate(records)]
    return times, {"records": records, "seconds": [max(each) for each in zip(*ages, strict=True)], "growth": growth}


def _delays(run: Run) -> dict[str, tuple[float, float]]:
    """For each signal the lowest threshold that no burst passes, with a margin, and the delay of its alarm (s)."""
    times, signals = _signals(run)
    slow_s, found = run.settings["slow_at_s"], {}
    for name, values in signals.items():
        calm = MARGIN * max(value for time, value in zip(times, values, strict=True) if READY_S < time <= slow_s)
        late = (time for time, value in zip(times, values, strict=True) if time > slow_s and value > calm)
        found[name] = calm, next(late, times[-1]) - slow_s
    return found


def _in_thresholds(run: Run) -> dict[str, list[tuple[float, float]]]:
    """The signals around the trouble, each as a multiple of its threshold."""
    times, signals = _signals(run)
    names = {"records": "lag in records", "seconds": "age of the oldest record", "growth": "growth of the lag"}
    found = {name: zip(times, values, strict=True) for name, values in signals.items()}
    limits = {name: limit for name, (limit, _) in _delays(run).items()}
    begin_s = run.settings["slow_at_s"] - 2 * WINDOW
    return {
        names[name]: [(time, value / limits[name]) for time, value in points if time > begin_s]
        for name, points in found.items()
    }


def _alerts(runs: Runs) -> Proof:
    found = _delays(runs["slowing"])
    (records, records_s), (age, age_s), (growth, growth_s) = (found[name] for name in ("records", "seconds", "growth"))
    return Proof(
        age_s < records_s / 2 and age_s < growth_s / 2,
        age_s,
        "seconds to detect by age",
        f"With thresholds that no burst passes, the age of the oldest record tells after {age_s:.0f} s, the number of "
        f"records after {records_s:.0f} s, its growth after {growth_s:.0f} s.",
        {"records": records, "records_s": records_s, "age": age, "age_s": age_s, "growth": growth}
        | {"growth_s": growth_s, "low": records / 2, "false": _false_alarms(runs["slowing"], records / 2)},
    )


def _false_alarms(run: Run, threshold: float) -> int:
    """How often the lag in records rose above a threshold though nothing was wrong."""
    times, signals = _signals(run)
    calm = [time for time in times if READY_S < time <= run.settings["slow_at_s"]]
    above = [signals["records"][times.index(time)] > threshold for time in calm]
    return sum(now and not before for before, now in zip([False, *above], above, strict=False))


def _low_threshold(runs: Runs) -> tuple[bool, str]:
    threshold = _delays(runs["slowing"])["records"][0] / 2
    false = _false_alarms(runs["slowing"], threshold)
    return false > 0, (
        f"A threshold of {threshold:.0f} records, half as high, is passed {false} times by bursts that do no harm."
    )


def _late_at_night(runs: Runs) -> tuple[bool, str]:
    found, rate = _delays(runs["slowing"]), runs["slowing"].settings["rate_per_s"]
    return found["records"][1] > 2 * found["seconds"][1], (
        f"At {rate} orders a second the lag needs {found['records'][1]:.0f} s to pass {found['records'][0]:.0f} "
        f"records; the oldest order is too old after {found['seconds'][1]:.0f} s."
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
        number=43,
        topic="groups",
        level="senior",
        asks="What is consumer lag, and how do you alert on it?",
        predict="A database becomes slow at a quiet hour. How many seconds until the age of the oldest record tells?",
        flights={"slowing": Experiment(SLOWING)},
        prove=_alerts,
        answer="""
            Lag is the log end offset less the committed offset, by partition: a number of records. A number alone is
            neither good nor bad, as it depends on the rate. In the run bursts came that did no harm, so a threshold on
            records had to be {records:.0f}; when the database became slow at a quiet hour, it took {records_s:.0f} s,
            until the next burst, to get there. The age of the oldest unread record told after {age_s:.0f} s, with a
            threshold of {age:.1f} s that no burst had passed. That is also what users feel, and what an objective
            promises. So alert on time, by partition and not as a sum, for a while and not once; use records for
            capacity, and growth to see what lasts. And alert when the group commits nothing at all.
        """,
        follow_up="Why not a lower threshold on records?",
        follow_up_answer="""
            Because it cries wolf: half of it, {low:.0f} records, was passed {false} times by bursts with nothing wrong.
            A threshold on growth has the same trouble: growth told after {growth_s:.0f} s.
        """,
        wrong=(
            WrongAnswer("Alert as soon as the lag is more than a hundred records or so.", _low_threshold),
            WrongAnswer("The number of records says how late consumers are.", _late_at_night),
        ),
        picture=Picture(
            x="simulated time from the start (s)",
            y="signal, 1 = its threshold",
            curves=lambda runs: _in_thresholds(runs["slowing"]),
            title=lambda runs: _alerts(runs).says.rstrip("."),
        ),
    ),
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
        picture=Picture("spike", "lag", lambda runs: _drain(runs).says.rstrip(".")),
    ),
)
