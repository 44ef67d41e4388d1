"""What is in order, and what an added partition does to it."""

from collections.abc import Mapping

from sim.actors.client.app import App, Behaviour
from sim.actors.consumer.consumer_records import ConsumerRecord
from sim.rules.producer.partitioner import partition_for_key
from sim.scenario import Scenario
from sim.teach.interview.question import Experiment, Picture, Proof, Question, Runs, WrongAnswer
from sim.teach.interview.workloads import Steps, steps_back
from sim.world.cluster import ClusterSpec
from sim.world.plan import AppSpec, GroupSpec, Plan
from sim.world.settings import Knob, Settings
from sim.world.topics import Topic

__all__ = ["QUESTIONS"]

CARDS, SIZES = 20, {"one": 1, "three": 3, "six": 6}
Read = dict[str, list[ConsumerRecord]]


def _shop(records: int) -> Behaviour:
    """The same purchases of twenty cards to two topics; the card is the key in one, and nobody's key in the other."""

    def run(app: App) -> Steps:
        producer = app.producer()
        for number in range(records):
            card, value = b"card-%d" % (number % CARDS), b"%d" % number
            yield from producer.send("keyed", value.ljust(200), card)
            yield from producer.send("unkeyed", value.ljust(200))
            yield app.busy(ms=5)
        yield from producer.close()

    return run


def _reader(read: Read) -> Behaviour:
    """One consumer of all partitions of both topics."""

    def run(app: App) -> Steps:
        consumer = app.consumer("readers", list(read), auto_offset_reset="earliest")
        while True:
            for record in (yield from consumer.poll()):
                read[record.topic].append(record)

    return run


def _make(settings: Settings) -> Plan:
    read: Read = {"keyed": [], "unkeyed": []}
    return Plan(
        duration=None,
        cluster=ClusterSpec(brokers=1, racks=1, broker_config={"offsets.topic.num.partitions": 1}),
        topics=tuple(Topic(name, settings["partitions"]) for name in read),
        apps=(AppSpec("shop", _shop(settings["records"]), "shop", True), AppSpec("reader", _reader(read), "reader")),
        groups=(GroupSpec("readers", tuple(read)),),
        stages=(*(("shop", name) for name in read), *((name, "reader") for name in read)),
        wrap_up=lambda complete: _results(read) if complete else {},
    )


def _results(read: Read) -> Mapping[str, object]:
    """Records that were read after a later one: of the same card, of the same partition, and of all."""
    found: dict[str, object] = {}
    for topic, records in read.items():
        numbers = [(record, int(record.value or b"")) for record in records]
        found[topic] = {
            "read": len(records),
            "of a card": sum(steps_back(n for _, n in numbers if n % CARDS == card) for card in range(CARDS)),
            "of a partition": sum(
                steps_back(record.offset for record in records if record.partition == partition)
                for partition in sorted({record.partition for record in records})
            ),
            "of all": steps_back(n for _, n in numbers),
        }
    return found


ORDER = Scenario(
    name="order-by-key",
    summary="The same purchases with the card as their key, and without a key.",
    story="",
    make=_make,
    knobs={
        "records": Knob(800, "purchases", 1, 100_000),
        "partitions": Knob(3, "partitions of each topic", 1, 1000),
    },
)


def _inversions(runs: Runs) -> Proof:
    keyed, unkeyed = runs["three"].results["keyed"], runs["three"].results["unkeyed"]
    partitions = runs["three"].settings["partitions"]
    return Proof(
        keyed["of a card"] == keyed["of a partition"] == unkeyed["of a partition"] == 0 < unkeyed["of a card"],
        unkeyed["of a card"],
        "records",
        f"With the card as key {keyed['of a card']} of {keyed['read']:,} purchases were read after a later one of the "
        f"same card; without a key {unkeyed['of a card']:,} were. Within a partition nothing was out of order.",
        {
            "partitions": partitions,
            "records": keyed["read"],
            "keyed": keyed["of a card"],
            "unkeyed": unkeyed["of a card"],
            "overall": keyed["of all"],
            "one": runs["one"].results["unkeyed"]["of all"],
        },
    )


def _topic_is_not_ordered(runs: Runs) -> tuple[bool, str]:
    found = runs["three"].results["keyed"]
    return found["of all"] > 0, (
        f"One producer, one consumer, and {found['of all']:,} of {found['read']:,} records were read after a later one."
    )


def _sticky_is_no_order(runs: Runs) -> tuple[bool, str]:
    found = runs["three"].results["unkeyed"]
    return found["of a card"] > 0, (
        f"The sticky partitioner changes partitions by the bytes it has sent: {found['of a card']:,} purchases were "
        "read after a later one of their card."
    )


GROWTH = "6 to 12"


def _moved(runs: Runs) -> Proof:
    found = runs["grown"].results
    shares = found["share_moved"]
    percent = round(100 * shares[GROWTH], 1)
    moved = found["devices_moved"] / found["devices"]
    return Proof(
        abs(shares[GROWTH] - 0.5) < 0.02 and 0 < found["devices_out_of_order"] <= found["devices_moved"],
        percent,
        "% of the keys",
        f"{shares[GROWTH]:.0%} of many keys move from 6 to 12 partitions, {moved:.0%} of the {found['devices']} "
        f"devices of the run; {found['readings_out_of_order']:,} of their readings were read after a later one.",
        {
            "moved": f"{shares[GROWTH]:.0%}",
            "to_eight": f"{shares['6 to 8']:.0%}",
            "to_seven": f"{shares['6 to 7']:.0%}",
            "devices": found["devices"],
            "devices_moved": found["devices_moved"],
            "late": found["readings_out_of_order"],
            "devices_late": found["devices_out_of_order"],
        },
    )


def _no_record_moves(runs: Runs) -> tuple[bool, str]:
    found = runs["grown"].results
    return found["devices_out_of_order"] > 0, (
        f"Kafka moves no record. The {found['devices_moved']} devices that moved have old readings in one partition "
        f"and new ones in another, and {found['devices_out_of_order']} of them were read out of order."
    )


def _shares_moved(before: int) -> list[tuple[float, float]]:
    """The percentage of many keys that move to another partition, by the number of partitions afterwards."""
    hashes = [partition_for_key(b"key-%d" % number, 1 << 31) for number in range(20_000)]
    return [
        (after, 100 * sum(known % before != known % after for known in hashes) / len(hashes))
        for after in range(before, 4 * before + 1)
    ]


def _only_new_keys_move(runs: Runs) -> tuple[bool, str]:
    keys = [b"key-%d" % number for number in range(2000)]
    added = sum(partition_for_key(key, 7) == 6 for key in keys) / len(keys)
    moved = runs["grown"].results["share_moved"]["6 to 7"]
    return moved > 3 * added, (
        f"The partitioner takes the hash modulo the number of partitions, it is no consistent hash: of 6 to 7 "
        f"{moved:.0%} of the keys move, while the new partition gets {added:.0%} of them."
    )


QUESTIONS = (
    Question(
        number=2,
        topic="log",
        level="junior",
        asks="What ordering does Kafka guarantee?",
        predict="800 purchases of 20 cards go to 3 partitions without a key, and one consumer reads them all. How many "
        "are read after a later purchase of the same card?",
        flights={name: Experiment(ORDER, {"partitions": count}) for name, count in SIZES.items()},
        prove=_inversions,
        answer="""
            Within a partition, and nowhere else. A partition is an append-only log with one leader, and everybody reads
            it in the order of its offsets. So what must stay in order needs the same key: the default partitioner
            hashes the key, and equal keys meet in one partition. In the run {records:,} purchases went to {partitions}
            partitions. With the card as their key {keyed} were read after a later one of the same card; without a key
            it was {unkeyed:,}. Across partitions there is no order at all: even with keys {overall:,} records were read
            after a later one of another card. If you need one order for everything, take one partition, and live with
            the throughput of one consumer.
        """,
        follow_up="And how can you lose the order within one partition?",
        follow_up_answer="""
            By a producer that retries with several requests in flight and is not idempotent, by adding partitions, or
            behind the consumer: when it hands records to a pool of threads. With one partition the same purchases
            without keys had {one} records out of order.
        """,
        wrong=(
            WrongAnswer("Kafka keeps the order of a topic as long as one producer writes it.", _topic_is_not_ordered),
            WrongAnswer("Without keys the sticky partitioner keeps related records together.", _sticky_is_no_order),
        ),
        picture=Picture(
            x="partitions of the topic",
            y="purchases out of order for their card",
            curves=lambda runs: {
                "with the card as key": _by_partitions(runs, "keyed"),
                "without a key": _by_partitions(runs, "unkeyed"),
            },
            title=lambda runs: (
                f"Out of order: {runs['three'].results['keyed']['of a card']} purchases with a key; "
                f"{runs['three'].results['unkeyed']['of a card']:,} without"
            ),
        ),
    ),
    Question(
        number=6,
        topic="log",
        level="senior",
        asks="Can you add partitions to a topic whose records have keys?",
        predict="A topic grows from 6 to 12 partitions. What percentage of the keys goes to another partition?",
        flights={"grown": Experiment("adding-partitions-is-safe")},
        prove=_moved,
        answer="""
            You can, and it breaks the order by key. The default partitioner takes the murmur2 hash of the key modulo
            the number of partitions. Kafka moves no record, but from now on keys go elsewhere: {moved} of them from 6
            to 12 partitions, {to_eight} from 6 to 8, {to_seven} from 6 to 7. New records of such a key stand in another
            partition than its old ones, and nobody keeps the two in order. In the run {devices_moved} of {devices}
            devices moved, and {late} readings of {devices_late} devices were read after a later one. State by key
            breaks as well: a stream job looks for it in the wrong task, and compaction keeps two latest values. So plan
            partitions generously at the beginning, or create a new topic and move producers and consumers over.
        """,
        follow_up="How would you do it if you must?",
        follow_up_answer="""
            Stop the producers, let the consumers drain their lag to zero, add the partitions, start again: with no lag
            nothing old is left to be overtaken. Or write to a new topic with enough partitions and replay into it.
            Doubling at least moves only {moved} of the keys.
        """,
        wrong=(
            WrongAnswer("It is safe, as Kafka rebalances the records over the partitions.", _no_record_moves),
            WrongAnswer("Only the keys that the new partition gets change their place.", _only_new_keys_move),
        ),
        picture=Picture(
            x="partitions afterwards",
            y="keys that move, % of all",
            curves=lambda _: {"from 6 partitions": _shares_moved(6)},
            title=lambda runs: (
                "Keys that move from 6 partitions: {moved} to 12; {to_eight} to 8; {to_seven} to 7".format_map(
                    _moved(runs).figures
                )
            ),
        ),
    ),
)


def _by_partitions(runs: Runs, topic: str) -> list[tuple[float, float]]:
    return [(run.settings["partitions"], run.results[topic]["of a card"]) for run in runs.values()]
