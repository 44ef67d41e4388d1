"""Two producers with one transactional.id: who is the zombie, and what may it write."""

from dataclasses import dataclass, field

from sim.actors.client.app import App, Behaviour
from sim.actors.producer.delivery import Delivery
from sim.machine.clock import SECOND
from sim.rules.facts.journal import AppFailed
from sim.rules.topics import TopicPartition
from sim.run import Run
from sim.teach.interview.question import Experiment, Picture, Proof, Question, Runs, WrongAnswer
from sim.teach.interview.records import Sent, Steps, small, so_far, writer
from sim.teach.interview.semantics.members import ONE_BROKER
from sim.world.faults import ZombieProducer
from sim.world.plan import AppSpec, Plan
from sim.world.settings import Knob, Settings
from sim.world.topics import Topic

__all__ = ["QUESTIONS"]

HANG_S, LASTS_S, END_S, BATCH = 12.1, 10, 40, 20
AWAKE_S = HANG_S + LASTS_S
ORDERS, BILLS = TopicPartition("orders", 0), TopicPartition("bills", 0)


@dataclass(slots=True)
class Notes:
    """When the zombie's writes were accepted once it was awake, why others were refused, and the bills that count."""

    accepted: list[int] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    bills: list[int] = field(default_factory=list)


class Biller:
    """Bills orders, twenty at a time, with or without transactions; its process has a name."""

    def __init__(self, transactional: bool, notes: Notes) -> None:
        self._transactional = transactional
        self._notes = notes

    def run(self, app: App) -> Steps:
        """For ever."""
        config = {"enable.auto.commit": False, "session.timeout.ms": 6000, "max.poll.records": BATCH}
        consumer = app.consumer("billing", ["orders"], auto_offset_reset="earliest", **config)
        producer = app.producer(**({"transactional_id": "billing"} if self._transactional else {}))
        if self._transactional:
            yield from producer.init_transactions()
        while True:
            if not (orders := (yield from consumer.poll())):
                continue
            if self._transactional:
                producer.begin_transaction()
            for order in orders:
                yield app.busy(ms=20)
                yield from producer.send("bills", order.value, on_delivery=lambda told: self._told(app, told))
            yield from producer.flush()
            if self._transactional:
                offsets = {ORDERS: orders[-1].offset + 1}
                yield from producer.send_offsets_to_transaction(offsets, consumer.consumer_group_metadata())
                yield from producer.commit_transaction()
            else:
                yield from consumer.commit()

    def _told(self, app: App, delivery: Delivery) -> None:
        error = delivery.batch.error
        if app.name == "biller" and app.now >= AWAKE_S * SECOND:
            if error is None:
                self._notes.accepted.append(app.now)
            else:
                self._notes.refused.append(error.name)


def _auditor(notes: Notes) -> Behaviour:
    """Reads all bills that count, in the end."""

    def run(app: App) -> Steps:
        yield app.until(END_S * SECOND)
        consumer = app.consumer(auto_offset_reset="earliest", isolation_level="read_committed")
        consumer.assign([BILLS])
        while found := (yield from consumer.poll(3000)):
            notes.bills.extend(int(bill.value or b"") for bill in found)

    return run


def _plan(settings: Settings) -> Plan:
    """A biller hangs, a twin takes its place, and the first one wakes up."""
    sent, notes = Sent(), Notes()
    return Plan(
        duration=END_S * SECOND,
        cluster=ONE_BROKER,
        topics=(Topic("orders"), Topic("bills")),
        apps=(
            AppSpec("shop", writer("orders", 30, END_S - 5, sent, linger_ms=600), "shop", finite=True),
            AppSpec("biller", Biller(settings["transactional"], notes).run, "biller"),
            AppSpec("auditor", _auditor(notes), "auditor", finite=True),
        ),
        faults=(ZombieProducer(app="biller", at=f"{HANG_S}s", lasts=f"{LASTS_S}s"),),
        stages=(("shop", "orders"), ("orders", "biller"), ("biller", "bills"), ("bills", "auditor")),
        wrap_up=lambda complete: (
            {
                "orders": sent.count,
                "accepted": len(notes.accepted),
                "refused": len(notes.refused),
                "reasons": sorted(set(notes.refused)),
                "twice": len(notes.bills) - len(set(notes.bills)),
                "missing": sent.count - len(set(notes.bills)),
                "accepted_s": [time / SECOND for time in notes.accepted],
            }
            if complete
            else {}
        ),
    )


ZOMBIE = small("zombie-producer", _plan, {"transactional": Knob(True, "whether it writes in transactions")})


def _died(run: Run) -> tuple[float, str]:
    """When and of what the zombie died."""
    found = [(time / SECOND, fact.error) for time, fact in run.facts if isinstance(fact, AppFailed)]
    return found[0] if found else (0.0, "")


def _in_the_end(run: Run) -> tuple[float, float]:
    return AWAKE_S + 1, run.results["accepted"]


def _fenced(runs: Runs) -> Proof:
    fenced, free = runs["fenced"].results, runs["unfenced"].results
    died_s, _ = _died(runs["fenced"])
    return Proof(
        fenced["accepted"] == fenced["twice"] == fenced["missing"] == 0 < fenced["refused"] and free["accepted"] > 0,
        fenced["accepted"],
        "writes of the zombie accepted",
        f"Of the zombie's writes {fenced['accepted']} were accepted, and {fenced['twice']} orders are billed twice; "
        f"without a transactional.id {free['accepted']} and {free['twice']}.",
        {
            "accepted": fenced["accepted"],
            "reason": " and ".join(fenced["reasons"]),
            "after_ms": 1000 * (died_s - AWAKE_S),
            "twice": fenced["twice"],
            "free": free["accepted"],
            "free_twice": free["twice"],
            "hung": LASTS_S,
        },
    )


def _the_group_is_too_late(runs: Runs) -> tuple[bool, str]:
    free = runs["unfenced"].results
    _, error = _died(runs["unfenced"])
    return free["accepted"] > 0 and free["twice"] > 0 and bool(error), (
        f"Without a transactional.id the zombie's commit was refused ({error.partition(':')[0]}), but "
        f"{free['accepted']} of its bills were accepted before, and {free['twice']} orders are billed twice."
    )


QUESTIONS = (
    Question(
        number=54,
        topic="semantics",
        level="senior",
        asks="A producer hangs, is replaced, and wakes up again. How does Kafka stop the zombie?",
        predict="How many of the zombie's writes are accepted, with a transactional.id?",
        flights={"fenced": Experiment(ZOMBIE), "unfenced": Experiment(ZOMBIE, {"transactional": False})},
        prove=_fenced,
        answer="""
            By the producer epoch. Both have the same transactional.id. When the successor calls initTransactions, the
            transaction coordinator aborts what the first one left open and raises the epoch; from then on writes with
            the lower epoch are refused. In the run the zombie woke up after {hung} seconds and went on with its work:
            its next write got {reason}, {accepted} were accepted, and {twice} orders were billed twice; {after_ms:.0f}
            milliseconds later it had ended. Without a transactional.id the same zombie wrote {free} bills more, and
            {free_twice} orders were billed twice. So the id must be the same for the successor: it names the task, not
            the process.
        """,
        follow_up="Kafka Streams and others use another id for each process. What fences there?",
        follow_up_answer="""
            The group. sendOffsetsToTransaction carries the consumer's generation and member id (KIP-447), so a zombie
            that is no member any more cannot commit its offsets, and its transaction is aborted. One producer for each
            process is enough then. Without either, {free_twice} orders were billed twice.
        """,
        wrong=(
            WrongAnswer(
                "The consumer group fences it: it lost its partitions, so it cannot write.", _the_group_is_too_late
            ),
        ),
        picture=Picture(
            x="seconds from the start",
            y="writes of the zombie accepted so far",
            curves=lambda runs: {
                label: [
                    *so_far(runs[name].results["accepted_s"], AWAKE_S),
                    (AWAKE_S + 1, runs[name].results["accepted"]),
                ]
                for label, name in (("with a transactional.id", "fenced"), ("without", "unfenced"))
            },
            title=lambda runs: (
                f"The zombie wakes up: {_fenced(runs).figures['accepted']} of its writes accepted with a "
                f"transactional.id; {_fenced(runs).figures['free']} without"
            ),
        ),
    ),
)
