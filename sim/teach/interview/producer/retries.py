"""What a retry can do to the log: other order, and records twice."""

from functools import partial

from sim.actors.client.app import App
from sim.actors.producer.delivery import Delivery
from sim.machine.clock import SECOND
from sim.rules.config import ProducerConfig
from sim.rules.facts.journal import BatchRetried
from sim.rules.topics import TopicPartition
from sim.run import Run
from sim.scenario import Scenario
from sim.teach.interview.question import Experiment, Picture, Proof, Question, Runs, WrongAnswer
from sim.teach.interview.workloads import Steps, source
from sim.world.cluster import ClusterSpec
from sim.world.faults import NetworkPartition
from sim.world.plan import AppSpec, Plan
from sim.world.settings import Settings
from sim.world.topics import Topic
from sim.world.workload import Constant

__all__ = ["QUESTIONS"]

RATE, LOAD_S, CUTS = 20, 20, 3
KINDS = {"plain": False, "idempotent": True}


def _sends_again(app: App) -> Steps:
    """An idempotent producer with little patience, whose application sends once more what was given up."""
    given_up: list[bytes] = []

    def told(value: bytes, delivery: Delivery) -> None:
        if delivery.batch.error is not None:
            given_up.append(value)

    producer = app.producer(request_timeout_ms=500, delivery_timeout_ms=1000)
    for number in range(RATE * LOAD_S):
        yield from app.arrive(number * SECOND // RATE)
        values, given_up[:] = [*given_up, b"%d" % number], []
        for value in values:
            yield from producer.send("sent-again", value, on_delivery=partial(told, value))
    yield from producer.close()


def _make(_: Settings) -> Plan:
    """Answers of the broker do not come through for two seconds, three times; requests do."""
    writers = {
        name: source(
            name, Constant(RATE), LOAD_S, enable_idempotence=wanted, request_timeout_ms=1000, delivery_timeout_ms=15_000
        )
        for name, wanted in KINDS.items()
    }
    writers["sent-again"] = _sends_again
    return Plan(
        duration=None,
        cluster=ClusterSpec(brokers=1, racks=1, group_topics=False),
        topics=tuple(Topic(name) for name in writers),
        apps=tuple(AppSpec(f"to-{name}", writer, "writers", finite=True) for name, writer in writers.items()),
        faults=tuple(
            NetworkPartition(side=("broker-1",), other=("clients",), one_way=True, at=f"{3 + 5 * number}s", lasts="2s")
            for number in range(CUTS)
        ),
        stages=tuple(("writers", name) for name in writers),
    )


LOST_ANSWERS = Scenario("lost-answers", "Requests arrive, and for two seconds no answer comes back.", "", _make)


def _values(run: Run, topic: str) -> list[bytes | None]:
    return [
        value
        for batch in run.flight.cluster.log(TopicPartition(topic, 0)).batches(0)
        for value in batch.columns.values or ()
    ]


def _copies(run: Run, topic: str) -> int:
    """How many records of a topic are copies of another one."""
    values = _values(run, topic)
    return len(values) - len(set(values))


def _retried(run: Run, topic: str) -> int:
    """How many records a producer has sent again by itself."""
    return sum(fact.count for _, fact in run.facts if isinstance(fact, BatchRetried) and fact.partition.topic == topic)


def _twice(runs: Runs) -> Proof:
    run = runs["lost answers"]
    plain, idempotent, again = (_copies(run, topic) for topic in (*KINDS, "sent-again"))
    retried = {topic: _retried(run, topic) for topic in KINDS}
    return Proof(
        plain > 0 == idempotent and retried["idempotent"] > 0,
        plain,
        "duplicates",
        f"Both producers sent records again, {retried['plain']} and {retried['idempotent']} of them: {plain} are twice "
        f"in the log of the plain one, {idempotent} in that of the idempotent one.",
        {
            "sent": RATE * LOAD_S,
            "cuts": CUTS,
            "in_flight": ProducerConfig().max_in_flight_requests_per_connection,
            "plain": plain,
            "idempotent": idempotent,
            "retried": retried["idempotent"],
            "again": again,
        },
    )


def _not_end_to_end(runs: Runs) -> tuple[bool, str]:
    again = _copies(runs["lost answers"], "sent-again")
    return again > 0, (
        f"An application that itself sends again what was given up has {again} records twice in the log, with an "
        "idempotent producer: to the broker a new send() is a new record."
    )


def _not_only_failures(runs: Runs) -> tuple[bool, str]:
    run = runs["lost answers"]
    plain, sent = _copies(run, "plain"), RATE * LOAD_S
    return plain > 0 and len(set(_values(run, "plain"))) == sent, (
        f"Every one of {sent} records was in the log, and {plain} were twice: not the write had failed, the answer had "
        "been lost."
    )


def _late(run: Run, topic: str) -> int:
    """How many records stand in the log behind a later one; a copy of a record does not count."""
    return sum(fate.partition == f"{topic}-0" for fate in run.verdict.reordered)


def _overtaken(runs: Runs) -> Proof:
    careless, careful, one = (
        _late(runs["five"], "careless"),
        _late(runs["five"], "careful"),
        _late(runs["one"], "careless"),
    )
    return Proof(
        careless > 0 == careful == one,
        careless,
        "records",
        f"Without idempotence {careless} records came behind a later one at a change of leader; with idempotence "
        f"{careful}, with one request in flight {one}.",
        {
            "careless": careless,
            "careful": careful,
            "one": one,
            "in_flight": ProducerConfig().max_in_flight_requests_per_connection,
            "read": runs["five"].results["read"]["careless"],
            "pool": runs["five"].results["out_of_order"]["pool"],
        },
    )


def _one_is_not_needed(runs: Runs) -> tuple[bool, str]:
    careful = _late(runs["five"], "careful")
    in_flight = ProducerConfig().max_in_flight_requests_per_connection
    return careful == 0, (
        f"With idempotence and {in_flight} requests in flight {careful} records were out of order: the broker takes "
        "the batches of a producer only in the order of their sequence numbers."
    )


def _retries_are_not_off(runs: Runs) -> tuple[bool, str]:
    retried = _retried(runs["five"], "careless")
    return retried > 0 and ProducerConfig().retries > 1000, (
        f"retries is {ProducerConfig().retries:,} by default, and {retried} records were sent again at one change of "
        "leader, without a word to the application."
    )


QUESTIONS = (
    Question(
        number=17,
        topic="producer",
        level="senior",
        asks="Can a retry change the order of records?",
        predict="A producer without idempotence has up to 5 requests in flight, 25 ms apart, when the leader changes. "
        "How many records come behind a later one?",
        flights={
            "five": Experiment("assignment-orders"),
            "one": Experiment("assignment-orders", {"max.in.flight.requests.per.connection": 1}),
        },
        prove=_overtaken,
        answer="""
            Yes, unless the producer is idempotent. It has up to max.in.flight.requests.per.connection requests under
            way, {in_flight} by default. If the first fails and the second succeeds, the first is sent again and lands
            behind it. In the run the leader of a partition was shut down, and of {read:,} records of a producer with
            idempotence off {careless} came behind a later one, in the log, for every reader and for good. The
            idempotent producer beside it had {careful}: its batches carry a producer id and sequence numbers, and the
            broker refuses a gap with OUT_OF_ORDER_SEQUENCE_NUMBER until the missing batch is there. One request in
            flight helps as well, {one} out of order, but every batch waits a round trip, and copies remain possible.
            Since Kafka 3.0 idempotence is on by default; acks or retries that rule it out turn it off without a word,
            more than {in_flight} in flight are refused.
        """,
        follow_up="Then is the order safe up to the database?",
        follow_up_answer="""
            Up to the consumer, yes. In the same run a consumer handed the well ordered records to a pool of workers,
            and {pool} were finished behind a later one. Use one thread for each partition, or a queue for each key.
        """,
        wrong=(
            WrongAnswer("For order you must set one request in flight.", _one_is_not_needed),
            WrongAnswer("A producer does not retry unless I tell it to.", _retries_are_not_off),
        ),
        picture=Picture(
            x="requests in flight at most",
            y="records behind a later one",
            curves=lambda runs: {
                label: [(flight, _late(runs[name], topic)) for flight, name in ((1, "one"), (5, "five"))]
                for label, topic in (("without idempotence", "careless"), ("idempotent", "careful"))
            },
            title=lambda runs: _overtaken(runs).says.split(" at a")[0] + f"; with it {_late(runs['five'], 'careful')}",
        ),
    ),
    Question(
        number=18,
        topic="producer",
        level="junior",
        asks="What does an idempotent producer do?",
        predict="Answers of the broker are lost for 2 s, three times, while a producer with 5 requests in flight and "
        "no idempotence sends. How many records are twice in the log?",
        flights={"lost answers": Experiment(LOST_ANSWERS)},
        prove=_twice,
        answer="""
            It makes the producer's own retries harmless. When no answer comes, the producer cannot know whether the
            record was written, so it sends it again. The idempotent producer has an id from the broker and numbers its
            batches for each partition; the broker remembers the last {in_flight} of them, finds a sequence number that
            it has had, and acknowledges without writing. In the run requests arrived and answers were lost, {cuts}
            times, so that all {in_flight} requests in flight were sent again each time. {plain} of {sent} records are
            twice in the log of the producer without idempotence, {idempotent} in that of the idempotent one, which sent
            {retried} again as well. It costs next to nothing, as every batch has room for these numbers, and it is the
            default since Kafka 3.0.
        """,
        follow_up="Is that exactly once?",
        follow_up_answer="""
            Only for one producer's life and one partition. A restarted producer has a new id, and if the application
            sends again what failed, that is a new record: {again} duplicates in the run. Across restarts, partitions
            and consumed offsets you need transactions.
        """,
        wrong=(
            WrongAnswer("With idempotence there are no duplicates any more.", _not_end_to_end),
            WrongAnswer("A record is sent again only if it was not written.", _not_only_failures),
        ),
        picture=Picture(
            x="seconds",
            y="records in the log beyond those that were sent",
            curves=lambda runs: {topic: _copies_over_time(runs["lost answers"], topic) for topic in KINDS},
            title=lambda runs: (
                f"Twice in the log: {_copies(runs['lost answers'], 'plain')} records without idempotence; "
                f"{_copies(runs['lost answers'], 'idempotent')} with it"
            ),
        ),
    ),
)


def _copies_over_time(run: Run, topic: str) -> list[tuple[float, float]]:
    """How many copies the log has up to each record, over the time of its send() or a later one (seconds)."""
    seen: set[bytes | None] = set()
    points, copies, latest = [], 0, 0
    for batch in run.flight.cluster.log(TopicPartition(topic, 0)).batches(0):
        for value, sent_at in zip(batch.columns.values or (), batch.columns.sent_at, strict=True):
            copies += value in seen
            seen.add(value)
            latest = max(latest, sent_at)
            points.append((latest / SECOND, float(copies)))
    return points
