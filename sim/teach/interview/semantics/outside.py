"""What exactly once costs, and where it ends: commit intervals, a payment gateway, a database."""

from sim.rules.config import ProducerConfig
from sim.teach.interview.question import Experiment, Picture, Proof, Question, Runs, WrongAnswer

__all__ = ["QUESTIONS"]

INTERVALS_MS = {"eos-10ms": 10, "eos-100ms": 100, "eos-1000ms": 1000}


def _cost(runs: Runs) -> Proof:
    found = runs["pipelines"].results["pipelines"]
    cost = {name: found[name]["cost_percent"] for name in INTERVALS_MS}
    seen_ms = {name: found[name]["latency_ms"]["median"] for name in (*INTERVALS_MS, "at-least-once")}
    costs, waits = list(cost.values()), [seen_ms[name] for name in INTERVALS_MS]
    return Proof(
        costs == sorted(costs, reverse=True) and waits == sorted(waits) and costs[0] > 10 > 5 > costs[1],
        cost["eos-100ms"],
        "% of the throughput",
        f"Transactions cost {cost['eos-10ms']:.1f} % of the throughput when committed every 10 ms, "
        f"{cost['eos-100ms']:.1f} % every 100 ms and {cost['eos-1000ms']:.1f} % every second.",
        {
            "ten": cost["eos-10ms"],
            "hundred": cost["eos-100ms"],
            "thousand": cost["eos-1000ms"],
            "ten_ms": seen_ms["eos-10ms"],
            "hundred_ms": seen_ms["eos-100ms"],
            "thousand_ms": seen_ms["eos-1000ms"],
            "plain_ms": seen_ms["at-least-once"],
        },
    )


def _no_fixed_price(runs: Runs) -> tuple[bool, str]:
    figures = _cost(runs).figures
    dear, cheap = float(str(figures["ten"])), float(str(figures["thousand"]))
    return dear > 5 * max(cheap, 1), (
        f"The same work costs {dear:.1f} % when committed every 10 ms and {cheap:.1f} % when committed every second."
    )


def _gateway(runs: Runs) -> Proof:
    plain, keyed = runs["plain"].results, runs["keyed"].results
    return Proof(
        plain["twice"]["receipts"] == keyed["twice"]["receipts"] == keyed["twice"]["captures"] == 0
        and plain["twice"]["captures"] > 0,
        plain["twice"]["captures"],
        "payments captured twice",
        f"{plain['receipts']} receipts, {plain['twice']['receipts']} of them twice; {plain['twice']['captures']} "
        f"payments captured twice, {keyed['twice']['captures']} with an idempotency key.",
        {
            "receipts": plain["receipts"],
            "receipts_twice": plain["twice"]["receipts"],
            "captures": plain["captures"],
            "twice": plain["twice"]["captures"],
            "keyed": keyed["twice"]["captures"],
            "small": runs["small"].results["twice"]["captures"],
            "fewer": runs["small"].settings["batch"],
            "crashes": len(runs["plain"].flight.plan.faults),
            "again": runs["keyed"].verdict.redelivered["capture"],
        },
    )


def _not_the_gateway(runs: Runs) -> tuple[bool, str]:
    twice = runs["plain"].results["twice"]
    return twice["captures"] > 0 == twice["receipts"], (
        f"In Kafka {twice['receipts']} receipts are doubled; at the gateway {twice['captures']} payments are captured "
        f"twice: an abort takes back records and offsets, not a call."
    )


SAGA = {"duration": "12s", "crash_at": "6.1s", "back_after": "1s", "fails": 0.0}


def _outbox(runs: Runs) -> Proof:
    dual, outbox = runs["dual"].results, runs["outbox"].results
    return Proof(
        dual["without_event"] > 0 == outbox["without_event"] and not runs["dual"].verdict.lost,
        dual["without_event"],
        "orders without an event",
        f"One crash: of {dual['orders']} orders {dual['without_event']} have no event with a dual write; of "
        f"{outbox['orders']} with an outbox {outbox['without_event']}.",
        {
            "orders": dual["orders"],
            "dual": dual["without_event"],
            "outbox": outbox["without_event"],
            "again": outbox["events_twice"],
            "lost": len(runs["dual"].verdict.lost),
            "short": runs["short"].results["without_event"],
            "linger": ProducerConfig().linger_ms,
        },
    )


def _acks_do_not_help(runs: Runs) -> tuple[bool, str]:
    run = runs["dual"]
    return run.results["without_event"] > 0 and not run.verdict.lost, (
        f"The producer has acks=all, and Kafka lost {len(run.verdict.lost)} records; {run.results['without_event']} "
        f"events were in the buffer of a process that died, and their orders in the database."
    )


QUESTIONS = (
    Question(
        number=55,
        topic="semantics",
        level="senior",
        asks="What does exactly once cost?",
        predict="A transaction every 100 ms: what percentage of the throughput is gone?",
        flights={"pipelines": Experiment("exactly-once-cost", {"backlog": 600, "duration": "3s"})},
        prove=_cost,
        answer="""
            There is no fixed percentage: it depends on how often you commit. A commit is some round trips to the
            coordinator and a marker in every partition of the transaction, however many records are in it. In the run
            the same pipeline lost {ten:.1f} percent of its throughput with a commit every 10 milliseconds,
            {hundred:.1f} percent every 100, and {thousand:.1f} every second. The other side is latency: readers with
            read_committed saw the median result after {ten_ms:.0f}, {hundred_ms:.0f} and {thousand_ms:.0f}
            milliseconds, {plain_ms:.0f} without transactions. So choose the longest interval that your readers can wait
            for. Kafka Streams takes 100 milliseconds.
        """,
        follow_up="And idempotence alone, without transactions?",
        follow_up_answer="""
            Next to nothing: a producer id and a sequence number in the header of each batch, and no round trip more.
            That is why it is on by default. What costs is the commit of a transaction, {ten:.1f} percent at worst here.
        """,
        wrong=(WrongAnswer("Exactly once costs about 20 percent of the throughput.", _no_fixed_price),),
        picture=Picture(
            x="median age of a result when it is seen, ms",
            y="% of the throughput lost",
            curves=lambda runs: {
                "commits every 10, 100, 1000 ms": [
                    (found["latency_ms"]["median"], found["cost_percent"])
                    for found in (runs["pipelines"].results["pipelines"][name] for name in INTERVALS_MS)
                ]
            },
            title=lambda runs: str(runs["pipelines"].results["finding"]),
        ),
    ),
    Question(
        number=56,
        topic="semantics",
        level="senior",
        asks="Your service reads payments, calls a gateway and writes receipts in a transaction. Is it exactly once?",
        predict="Three crashes: how many payments does the gateway capture twice?",
        flights={
            "plain": Experiment("exactly-once-at-the-gateway"),
            "keyed": Experiment("exactly-once-at-the-gateway", {"idempotency_key": True}),
            "small": Experiment("exactly-once-at-the-gateway", {"batch": 5}),
        },
        prove=_gateway,
        answer="""
            For Kafka yes, for the card no. A transaction covers records and offsets in Kafka. When the service dies in
            the middle, it is aborted: no receipt, no offset, and the payments are read again. But the calls were made,
            and nobody takes them back. In the run there were {receipts} receipts, {receipts_twice} of them twice, and
            {captures} captures: {twice} payments were charged twice in {crashes} crashes. The remedy lies with the
            gateway: an idempotency key, such as the number of the payment, by which it knows a call again. With it
            {keyed} were charged twice, though {again} payments were read again.
        """,
        follow_up="The gateway knows no idempotency keys. What now?",
        follow_up_answer="""
            Then choose the side of the error. Write an intent with the number before the call, and after a crash ask
            the gateway for the state of what has an intent and no receipt, before calling again. Without that it is at
            least once, {twice} double charges here, or at most once if you commit first. Smaller transactions only make
            it fewer: {small} with {fewer} payments in each.
        """,
        wrong=(WrongAnswer("With exactly once the gateway is called once for each payment.", _not_the_gateway),),
        picture=Picture(
            x="payments in a transaction, at most",
            y="payments captured twice",
            curves=lambda runs: {
                label: [(run.settings["batch"], run.results["twice"]["captures"]) for run in shown]
                for label, shown in (("plain", (runs["small"], runs["plain"])), ("with a key", (runs["keyed"],)))
            },
            title=lambda runs: str(runs["plain"].results["finding"]),
        ),
    ),
    Question(
        number=57,
        topic="semantics",
        level="senior",
        asks="A service saves an order in its database and sends an event. What is wrong, and what is an outbox?",
        predict="It is killed once, at 50 orders a second with linger.ms=200: how many orders have no event?",
        flights={
            "dual": Experiment("order-saga", SAGA),
            "outbox": Experiment("order-saga", {**SAGA, "outbox": True}),
            "short": Experiment("order-saga", {**SAGA, "linger.ms": 5}),
            "long": Experiment("order-saga", {**SAGA, "linger.ms": 500}),
        },
        prove=_outbox,
        answer="""
            Two systems and no common transaction: a dual write. If the process dies between the two, one of them has
            the order and the other has not. In the run {dual} of {orders} orders were in the database without an event,
            as they were in the producer's buffer when it was killed; Kafka lost {lost}. Sending first only turns it
            round: events of orders that do not exist. An outbox is a table in the same database: order and event are
            saved in one local transaction, and a relay, or change data capture such as Debezium, sends the rows. With
            it {outbox} were missing. It may send twice, {again} times here, so consumers must be idempotent.
        """,
        follow_up="Does a shorter linger.ms or acks=all solve it?",
        follow_up_answer="""
            A shorter linger.ms makes the window smaller: {short} orders without an event at {linger:.0f} milliseconds,
            the default, in the same crash. It never closes it, as the process can die between the two calls. acks=all
            only protects what has reached the broker.
        """,
        wrong=(WrongAnswer("With acks=all and retries no event is lost.", _acks_do_not_help),),
        picture=Picture(
            x="linger.ms of the producer, milliseconds",
            y="orders without an event",
            curves=lambda runs: {
                "dual write": [
                    (linger_ms, runs[name].results["without_event"])
                    for name, linger_ms in (("short", 5), ("dual", 200), ("long", 500))
                ],
                "outbox": [(200, runs["outbox"].results["without_event"])],
            },
            title=lambda runs: str(runs["dual"].results["finding"]),
        ),
    ),
)
