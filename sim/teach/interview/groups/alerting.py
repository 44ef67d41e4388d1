"""Lag: what it is, and which signal of it to alert on."""

from typing import Any

from sim.run import Run
from sim.teach.interview.groups.parts import experiment, flown, member, source
from sim.teach.interview.question import Experiment, Picture, Proof, Question, Runs, WrongAnswer
from sim.world.faults import SlowHandler
from sim.world.plan import Plan
from sim.world.settings import Knob, Settings
from sim.world.workload import Bursts

__all__ = ["QUESTIONS"]

PARTITIONS, READY_S, MARGIN, WINDOW = 4, 10, 1.2, 30


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
)
