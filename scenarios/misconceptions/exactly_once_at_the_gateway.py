"""Exactly once, says Kafka: is no card charged twice, then?

Covers: transactions and the outside world, idempotency keys. The misconception: "exactly-once covers the payment
gateway" (oc-g341: 300 captures sent twice). A transaction takes back records and offsets; it cannot take back a call.

Story: A service reads payments, asks a gateway to capture each, which takes 40 ms (the card: about 4 s), and writes a
receipt; receipts and offsets go into one transaction. It is killed and started again, three times.

Watch for: the payments of the transaction that a kill interrupts: their receipts are aborted, they are read again, and
the gateway captures them again.

Predict: How many receipts are there for each payment, and how many captures? What does `--set idempotency_key=true`
mend, and who does the work then: Kafka or the gateway?
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from scenarios.misconceptions.parts import ONE_BROKER, Steps, source
from sim.actors.client.app import App, Behaviour
from sim.machine.clock import SECOND
from sim.rules.topics import TopicPartition
from sim.run import Run
from sim.scenario import Scenario
from sim.world.faults import AppCrash
from sim.world.plan import AppSpec, GroupSpec, Plan
from sim.world.settings import Knob, Settings
from sim.world.topics import Topic
from sim.world.workload import Constant

__all__ = ["scenario"]

KNOBS = {
    "idempotency_key": Knob(False, "whether the gateway knows a payment again by its number and captures it once"),
    "batch": Knob(20, "payments in one transaction, at most", 1, 500),
    "call_ms": Knob(40, "how long a call of the gateway takes, in milliseconds", 1, 10_000),
}
PAYMENTS = TopicPartition("payments", 0)


@dataclass(slots=True)
class Gateway:
    """Somebody else's system: it captures what it is asked to, outside of every transaction."""

    knows_again: bool
    captures: list[bytes] = field(default_factory=list)

    def capture(self, payment: bytes) -> None:
        """Take the money, unless it is known that this payment was captured."""
        if not (self.knows_again and payment in self.captures):
            self.captures.append(payment)


def service(gateway: Gateway, batch: int, call_ms: float) -> Behaviour:
    """Captures and writes receipts, exactly once as far as Kafka is concerned."""

    def run(app: App) -> Steps:
        consumer = app.consumer(
            "capture",
            ["payments"],
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            session_timeout_ms=6000,
            max_poll_records=batch,
        )
        producer = app.producer(transactional_id="capture")
        yield from producer.init_transactions()
        while True:
            if payments := (yield from consumer.poll()):
                producer.begin_transaction()
                for payment in payments:
                    gateway.capture(payment.value or b"")
                    yield app.busy(ms=call_ms)
                    yield from producer.send("receipts", payment.value)
                offsets = {TopicPartition(each.topic, each.partition): each.offset + 1 for each in payments}
                yield from producer.send_offsets_to_transaction(offsets, consumer.consumer_group_metadata())
                yield from producer.commit_transaction()

    return run


def accountant(receipts: list[bytes]) -> Behaviour:
    """Collects the receipts that count."""

    def run(app: App) -> Steps:
        consumer = app.consumer(
            "accounts", ["receipts"], auto_offset_reset="earliest", isolation_level="read_committed"
        )
        while True:
            receipts.extend(receipt.value or b"" for receipt in (yield from consumer.poll()))

    return run


def make(settings: Settings) -> Plan:
    """The plan of one run."""
    gateway, receipts = Gateway(settings["idempotency_key"]), list[bytes]()
    payments = source("payments", Constant(15), 40 * SECOND)
    return Plan(
        duration=40 * SECOND,
        cluster=ONE_BROKER,
        topics=(Topic("payments", 1, 1), Topic("receipts", 1, 1)),
        apps=(
            AppSpec("checkout", payments, "checkout", finite=True),
            AppSpec("capture", service(gateway, settings["batch"], settings["call_ms"]), "capture", transactional=True),
            AppSpec("accounts", accountant(receipts), "accounts"),
        ),
        groups=(GroupSpec("capture", ("payments",), exactly_once_in="receipts"), GroupSpec("accounts", ("receipts",))),
        faults=tuple(AppCrash(app="capture", at=f"{at}s", lasts="500ms") for at in (8, 19, 30)),
        stages=(
            ("checkout", "payments"),
            ("payments", "capture"),
            ("capture", "receipts"),
            ("receipts", "accounts"),
        ),
        wrap_up=lambda complete: results(gateway, receipts) if complete else {},
    )


def results(gateway: Gateway, receipts: list[bytes]) -> Mapping[str, object]:
    """Receipts and captures, and how many of each are one too many."""
    both = {"receipts": receipts, "captures": gateway.captures}
    twice = {name: len(each) - len(set(each)) for name, each in both.items()}
    return {
        "receipts": len(receipts),
        "captures": len(gateway.captures),
        "twice": twice,
        "finding": f"{len(receipts):,} receipts; {twice['receipts']} of them twice; "
        f"{twice['captures']} captures too many at the gateway",
        "sentences": [
            f"For {len(set(receipts)):,} payments there are {len(receipts):,} receipts and "
            f"{len(gateway.captures):,} captures."
        ],
    }


def claims(run: Run) -> Mapping[str, bool]:
    """Kafka keeps its promise, and the gateway captures twice."""
    found, knobs = run.results, run.settings.values
    crashes = len(run.flight.plan.faults)
    return {
        "each payment has one receipt": found["receipts"] == run.flight.cluster.log(PAYMENTS).log_end_offset
        and found["twice"]["receipts"] == 0,
        "a crash has come in the middle of a transaction": run.verdict.redelivered["capture"] > 0,
        "the gateway has captured payments twice": found["twice"]["captures"] > 0,
        "at most as many as one transaction holds for each crash": found["twice"]["captures"]
        <= crashes * knobs["batch"],
    }


def cured(run: Run) -> Mapping[str, bool]:
    """The gateway knows payments again."""
    return {
        "payments were read again": run.verdict.redelivered["capture"] > 0,
        "each has one receipt and one capture": run.results["captures"] == run.results["receipts"]
        and not any(run.results["twice"].values()),
    }


scenario = Scenario(
    name="exactly-once-at-the-gateway",
    summary="Transactions give each payment one receipt, and the gateway captures some payments twice.",
    story=__doc__ or "",
    make=make,
    knobs=KNOBS,
    level="intermediate",
    claims=claims,
    cure={"idempotency_key": True},
    cured=cured,
)
