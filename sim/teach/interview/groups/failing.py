"""Records that cannot be handled: try again in place, give them up, or put them aside."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy

from sim.actors.client.app import App, Behaviour
from sim.machine.clock import SECOND
from sim.run import Run
from sim.teach.interview.groups.parts import Steps, experiment, flown
from sim.teach.interview.question import Experiment, Picture, Proof, Question, Runs, WrongAnswer
from sim.world.keys import UniformKeys, keyed
from sim.world.plan import Plan
from sim.world.settings import Knob, Settings
from sim.world.workload import Poisson

__all__ = ["QUESTIONS"]

CARD = {"arrivals": "constant:24", "duration": "20s"}
PARTITIONS, ACCOUNTS, READY_S = 4, 20, 8


@dataclass(frozen=True, slots=True)
class Order:
    """An order that was handled in the end: its place among all, its account, and how long it took (s)."""

    number: int
    account: bytes | None
    took_s: float
    failed: bool


def _shop(settings: Settings) -> Behaviour:
    """Sends orders with their numbers and times; the handling of some fails at first."""

    def run(app: App) -> Steps:
        chance, producer = app.machine.streams.columns("trouble"), app.producer()
        load = Poisson(settings["rate_per_s"])
        times = load.arrivals(app.machine.streams.columns("arrivals"), settings["end_s"] * SECOND)
        accounts = keyed(times, UniformKeys(ACCOUNTS), app.machine.streams.columns("accounts"))
        for number, (time, account) in enumerate(accounts):
            yield app.until(READY_S * SECOND + time)
            fails = chance.random() < settings["failing"]
            yield from producer.send("orders", b"%d %d %d" % (number, app.now, fails), account)
        yield from producer.close()

    return run


def _handler(settings: Settings, done: list[Order]) -> Behaviour:
    """Handles orders; one that fails it tries again in place until it succeeds, or sends it to a topic for later."""

    def run(app: App) -> Steps:
        consumer, producer = app.consumer("handlers", ["orders"], auto_offset_reset="earliest"), app.producer()
        while True:
            for record in (yield from consumer.poll(500)):
                number, sent_at, fails = map(int, (record.value or b"").split())
                yield app.busy(ms=5)
                if fails and settings["aside"]:
                    yield from producer.send("orders-retry", record.value, record.key)
                    continue
                if fails:
                    yield app.busy(ms=1000 * settings["heals_s"])
                done.append(Order(number, record.key, (app.now - sent_at) / SECOND, bool(fails)))

    return run


def _later(settings: Settings, done: list[Order]) -> Behaviour:
    """Handles what was put aside, when its trouble is over."""

    def run(app: App) -> Steps:
        consumer = app.consumer("later", ["orders-retry"], auto_offset_reset="earliest")
        while True:
            for record in (yield from consumer.poll(500)):
                number, sent_at, _ = map(int, (record.value or b"").split())
                yield app.until(sent_at + round(settings["heals_s"] * SECOND))
                done.append(Order(number, record.key, (app.now - sent_at) / SECOND, True))

    return run


def _retrying(settings: Settings) -> Plan:
    done: list[Order] = []
    apps = {
        "to-orders": _shop(settings),
        **{f"handlers.{number}": _handler(settings, done) for number in range(1, PARTITIONS + 1)},
        "later.1": _later(settings, done),
    }
    topics, groups = {"orders": PARTITIONS, "orders-retry": 1}, {"handlers": "orders", "later": "orders-retry"}
    return flown(READY_S + settings["end_s"], topics, apps, groups, results=lambda: _figures(done))


def _figures(done: list[Order]) -> Mapping[str, object]:
    """How many orders were handled after a later one of their account, and how long those without trouble took."""
    latest: dict[bytes | None, int] = {}
    overtaken = 0
    for order in done:
        overtaken += order.number < latest.get(order.account, -1)
        latest[order.account] = max(order.number, latest.get(order.account, -1))
    took = [order.took_s for order in done if not order.failed]
    failed = [order for order in done if order.failed]
    return {"overtaken": overtaken, "p99_s": float(numpy.quantile(took, 0.99)), "failed": len(failed), "all": len(done)}


RETRYING = experiment(
    "orders-that-fail-at-first",
    "The handling of some orders fails for two seconds: they are tried again in place, or put aside in a topic.",
    _retrying,
    rate_per_s=Knob(20, "orders that come each second", 1, 1000),
    failing=Knob(0.03, "the share of orders whose handling fails at first", 0, 1),
    heals_s=Knob(2.0, "how long it fails, in seconds", 0, 1000),
    aside=Knob(False, "whether they go to a topic for later"),
    end_s=Knob(40, "how long orders come, in seconds", 1, 1000),
)


def _blocked(runs: Runs) -> Proof:
    run, cured = runs["for ever"], runs["three times"]
    waiting = run.results["waiting"]
    stuck = [name for name, count in waiting.items() if count]
    return Proof(
        len(stuck) == 1 and _sum_of_lags(cured) == 0 and cured.results["dead_letters"] == 1,
        len(stuck),
        "partitions that stand still",
        f"{len(stuck)} of {len(waiting)} partitions stands still: {sum(waiting.values())} events wait in it after "
        f"{run.results['attempts']} attempts.",
        {"stuck": len(stuck), "all": len(waiting), "waiting": sum(waiting.values())}
        | {"rate": run.results["arrived_there_per_s"], "attempts": run.results["attempts"]}
        | {"tries": cured.results["attempts"], "blocked_s": cured.results["blocked_s"]},
    )


def _sum_of_lags(run: Run) -> float:
    """The lag of the group at the end, in records."""
    return run.metrics.series("records-lag", group="service")[1][-1]


def _lags(run: Run) -> dict[str, list[tuple[float, float]]]:
    """The lag of the partition that stands still and of all others together, from when the group is ready."""
    blocked = next(name for name, count in run.results["waiting"].items() if count)
    times, whole = run.metrics.series("records-lag", group="service")
    lags = run.metrics.series("records-lag", group="service", partition=blocked)[1]
    points = [point for point in zip(times, lags, whole, strict=True) if point[0] >= READY_S]
    return {
        blocked: [(time, lag) for time, lag, _ in points],
        "all other partitions": [(time, total - lag) for time, lag, total in points],
    }


def _partition_only(runs: Runs) -> tuple[bool, str]:
    waiting = runs["for ever"].results["waiting"]
    free = sum(not count for count in waiting.values())
    return free == len(waiting) - 1, f"In {free} of {len(waiting)} partitions no event waits."


def _tries_do_not_help(runs: Runs) -> tuple[bool, str]:
    attempts, dead = runs["for ever"].results["attempts"], runs["three times"].results["dead_letters"]
    return attempts > 20 and dead == 1, (
        f"It was tried {attempts} times without success. After three attempts {dead} dead letter was written, and the "
        f"partition was free after {runs['three times'].results['blocked_s']:.1f} s."
    )


def _aside(runs: Runs) -> Proof:
    place, aside = runs["in place"].results, runs["aside"].results
    heals_s = runs["aside"].settings["heals_s"]
    return Proof(
        place["overtaken"] == 0 < aside["overtaken"] and place["p99_s"] > heals_s / 2 > 5 * aside["p99_s"],
        aside["overtaken"],
        "orders overtaken by a later one of their account",
        f"Tried in place, {place['overtaken']} orders are overtaken and p99 of the healthy ones is "
        f"{place['p99_s']:.2f} s; put aside, {aside['overtaken']} are, and p99 is {1000 * aside['p99_s']:.0f} ms.",
        {"failed": aside["failed"], "all": aside["all"], "overtaken": aside["overtaken"], "heals_s": heals_s}
        | {"in_place_p99_s": place["p99_s"], "aside_p99_ms": 1000 * aside["p99_s"], "in_order": place["overtaken"]},
    )


def _order_is_lost(runs: Runs) -> tuple[bool, str]:
    found = runs["aside"].results
    return found["overtaken"] > 0, (
        f"Of {found['failed']} orders that were put aside {found['overtaken']} were handled after a later one of the "
        "same account."
    )


def _others_wait(runs: Runs) -> tuple[bool, str]:
    place, aside = runs["in place"].results, runs["aside"].results
    return place["p99_s"] > 5 * aside["p99_s"], (
        f"One healthy order in a hundred took {place['p99_s']:.2f} s or more with retries in place, as it stood behind "
        f"a failing one; {1000 * aside['p99_s']:.0f} ms when those were put aside."
    )


QUESTIONS = (
    Question(
        number=47,
        topic="groups",
        level="junior",
        asks="What is a poison pill, and what does one do to a consumer group?",
        predict="12 partitions, 3 consumers, and a record that cannot be handled. How many partitions stand still?",
        flights={
            "for ever": Experiment("poison-pill", CARD),
            "three times": Experiment("poison-pill", {**CARD, "attempts": 3}),
        },
        prove=_blocked,
        answer="""
            A record that fails whenever it is handled: it cannot be parsed, or breaks a rule. If the consumer stops at
            it or seeks back for ever, it never gets past that offset, and all that is behind it in the partition waits:
            in the run {stuck} partition of {all}, with {waiting} events, growing by {rate:.1f} a second. The group
            looks healthy: members are alive, heartbeats come, the other partitions have no lag; so look at lag by
            partition. The cure is to tell errors apart: what may pass is tried again a few times, what will not goes to
            a dead-letter topic with its error and its place, and the offset moves on. With {tries} attempts the
            partition was free after {blocked_s:.1f} s. And somebody must read the dead letters.
        """,
        follow_up="Would a restart or more consumers help?",
        follow_up_answer="""
            No: the next owner of the partition begins at the committed offset and meets the same record again; it was
            tried {attempts} times here. If it crashes its reader, each member dies in turn. Only getting past the
            offset helps.
        """,
        wrong=(
            WrongAnswer("The whole group stands still.", _partition_only),
            WrongAnswer("Just try again until it works.", _tries_do_not_help),
        ),
        picture=Picture(
            x="simulated time from the start (s)",
            y="lag (records)",
            curves=lambda runs: _lags(runs["for ever"]),
            title=lambda runs: _blocked(runs).says.rstrip("."),
        ),
    ),
    Question(
        number=48,
        topic="groups",
        level="senior",
        asks="Retry in place, retry topics, dead-letter topic: what do they trade?",
        predict="21 of 800 orders fail and go to a retry topic. How many are overtaken by later ones of their account?",
        flights={"in place": Experiment(RETRYING), "aside": Experiment(RETRYING, {"aside": True})},
        prove=_aside,
        answer="""
            Order against progress. Trying in place keeps the order: {in_order} of {all} orders were overtaken in the
            run. But all that is behind a failing one waits, and p99 of the healthy ones was {in_place_p99_s:.2f} s, as
            trouble lasts {heals_s:g} s. A retry topic lets them pass, p99 {aside_p99_ms:.0f} ms; a consumer of its own
            tries later, when the time that a record carries has come. The price: {overtaken} of the {failed} orders put
            aside were handled after a later one of the same account. So retry topics suit records that stand alone. If
            order counts, either block, or put aside all later records of the same key as well. A dead-letter topic is
            the end of the chain, for what no retry will cure.
        """,
        follow_up="How do you keep the order by key and do not block the others?",
        follow_up_answer="""
            Remember the keys that are put aside, and send their later records to the retry topic, too, until it is
            empty for that key. That would spare the {overtaken} that were overtaken, and costs state that must survive
            a rebalance.
        """,
        wrong=(
            WrongAnswer("A retry topic keeps the order, as it is a log as well.", _order_is_lost),
            WrongAnswer("Retries in place delay only the record that fails.", _others_wait),
        ),
        picture=Picture("in place", "latency", lambda runs: _aside(runs).says.rstrip(".")),
    ),
)
