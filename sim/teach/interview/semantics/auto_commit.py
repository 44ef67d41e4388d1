"""Auto-commit: what a crash repeats, and what it may lose."""

from statistics import mean

from sim.actors.client.app import App, Behaviour
from sim.machine.clock import SECOND
from sim.rules.config import BrokerConfig, ConsumerConfig
from sim.run import Run
from sim.teach.interview.question import Experiment, Picture, Proof, Question, Runs, WrongAnswer
from sim.teach.interview.records import Sent, Steps, small, writer
from sim.teach.interview.semantics.members import ONE_BROKER, static_member
from sim.world.faults import AppCrash
from sim.world.plan import AppSpec, GroupSpec, Plan
from sim.world.settings import Knob, Settings
from sim.world.topics import Topic

__all__ = ["QUESTIONS"]

CRASHES, AUTO_RATE = 6, 20
INTERVALS = {"every-1-s": 1, "every-2-s": 2, "every-5-s": 5}


def _kill_times_s(interval_s: int) -> list[float]:
    """So that the time since the last commit is spread evenly over the interval."""
    times, started = list[float](), BrokerConfig().group_initial_rebalance_delay_ms / 1000
    for number in range(CRASHES):
        times.append(started + interval_s * (2 + (number + 0.5) / CRASHES))
        started = times[-1] + 0.2
    return times


def _worker(interval_s: int, pool: bool, handled: list[int]) -> Behaviour:
    """Handles each record before the next poll, or puts them into a queue and polls on."""

    def run(app: App) -> Steps:
        consumer, queue = static_member(app, True, auto_commit_interval_ms=1000 * interval_s), list[int]()
        while True:
            queue.extend(int(record.value or b"") for record in (yield from consumer.poll(20)))
            while queue and (not pool or app.now % (2 * SECOND) < SECOND):
                yield app.busy(ms=5)
                handled.append(queue.pop(0))

    return run


def _auto_plan(settings: Settings) -> Plan:
    """One consumer with auto-commit is killed again and again."""
    sent, handled, interval_s = Sent(), list[int](), settings["interval_s"]
    kills = _kill_times_s(interval_s)
    end_s = int(kills[-1]) + 5
    return Plan(
        duration=end_s * SECOND,
        cluster=ONE_BROKER,
        topics=(Topic("orders"),),
        apps=(
            AppSpec("shop", writer("orders", AUTO_RATE, end_s, sent), "shop", finite=True),
            AppSpec("worker", _worker(interval_s, settings["pool"], handled), "worker"),
        ),
        groups=(GroupSpec("worker", ("orders",)),),
        faults=tuple(AppCrash(app="worker", at=f"{at:.3f}s", lasts="200ms") for at in kills),
        stages=(("shop", "orders"), ("orders", "worker")),
        wrap_up=lambda complete: (
            {
                "orders": sent.count,
                "twice": len(handled) - len(set(handled)),
                "lost": len(set(range(max(handled, default=-1) + 1)) - set(handled)),
            }
            if complete
            else {}
        ),
    )


AUTO = small(
    "auto-commit",
    _auto_plan,
    {
        "interval_s": Knob(5, "auto.commit.interval.ms, in seconds", 1, 100),
        "pool": Knob(False, "whether records wait in a queue while the consumer polls on"),
    },
)


def _twice_each(run: Run) -> float:
    """Records handled again for each crash."""
    return float(run.results["twice"]) / CRASHES


def _auto_commit(runs: Runs) -> Proof:
    measured = {name: _twice_each(runs[name]) for name in INTERVALS}
    expected = {name: AUTO_RATE * interval_s / 2 for name, interval_s in INTERVALS.items()}
    return Proof(
        all(abs(measured[name] / expected[name] - 1) < 0.1 for name in INTERVALS),
        measured["every-5-s"],
        "records handled again for each crash",
        f"At {AUTO_RATE} records a second a crash repeats {measured['every-5-s']:.1f} records with an interval of 5 s "
        f"(rate times half the interval: {expected['every-5-s']:.0f}), {measured['every-1-s']:.1f} with 1 s.",
        {
            "default": ConsumerConfig().auto_commit_interval_ms / 1000,
            "rate": AUTO_RATE,
            "measured": measured["every-5-s"],
            "expected": expected["every-5-s"],
            "short": measured["every-1-s"],
            "mean_lost": mean(runs[name].results["lost"] for name in INTERVALS),
            "pool_lost": runs["pool"].results["lost"],
        },
    )


def _done_is_not_committed(runs: Runs) -> tuple[bool, str]:
    run = runs["every-5-s"]
    return run.results["twice"] > 0, (
        f"{run.results['twice']} records that had been handled were handled again after {CRASHES} crashes: offsets are "
        f"committed when the interval is over, not when a record is done."
    )


def _a_queue_loses(runs: Runs) -> tuple[bool, str]:
    lost, kept = runs["pool"].results["lost"], runs["every-1-s"].results["lost"]
    return lost > 0 == kept, (
        f"A worker that polls on while records wait in a queue lost {lost} of them; one that handles each before it "
        f"polls lost {kept}."
    )


QUESTIONS = (
    Question(
        number=52,
        topic="semantics",
        level="junior",
        asks="What does enable.auto.commit do, and what does a crash cost with it?",
        predict="20 records a second, an interval of 5 s: how many records does a crash repeat on average?",
        flights={
            **{name: Experiment(AUTO, {"interval_s": interval_s}) for name, interval_s in INTERVALS.items()},
            "pool": Experiment(AUTO, {"interval_s": 1, "pool": True}),
        },
        prove=_auto_commit,
        answer="""
            poll() commits, whenever auto.commit.interval.ms is over, {default:.0f} seconds by default, the positions
            behind what earlier polls have returned; a rebalance and close() commit as well. A crash repeats all since
            the last commit: on average the rate times half the interval. In the run, with {rate} records a second, that
            were {measured:.1f} for each crash, the formula says {expected:.0f}; {short:.1f} with an interval of one
            second. So it is at least once, as long as you have handled the records before you poll again. If duplicates
            cost much, commit yourself after each batch, or make the handler idempotent.
        """,
        follow_up="Can auto-commit lose records?",
        follow_up_answer="""
            Yes, if poll() returns and the work is not done yet: a thread pool, a queue, an async handler. The position
            is committed, the process dies, and nobody reads those again: {pool_lost} lost in the run, {mean_lost:.0f}
            by those who handle before they poll.
        """,
        wrong=(
            WrongAnswer("It commits each record when it has been processed.", _done_is_not_committed),
            WrongAnswer("At worst there are duplicates; nothing is ever lost.", _a_queue_loses),
        ),
        picture=Picture(
            x="auto.commit.interval.ms, seconds",
            y="records handled again for each crash",
            curves=lambda runs: {
                "measured": [(interval_s, _twice_each(runs[name])) for name, interval_s in INTERVALS.items()],
                "rate x interval / 2": [(interval_s, AUTO_RATE * interval_s / 2) for interval_s in INTERVALS.values()],
            },
            title=lambda runs: (
                f"A crash repeats half an interval: {_twice_each(runs['every-5-s']):.0f} records at {AUTO_RATE}/s and "
                f"5 s"
            ),
        ),
    ),
)
