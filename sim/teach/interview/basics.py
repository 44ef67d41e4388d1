"""The short answer to "What is Kafka?", each of its words proved by a run."""

from collections.abc import Callable
from dataclasses import dataclass

from sim.rules.topics import TopicPartition
from sim.run import Run
from sim.teach.interview.flying import Find, Notice, fly_all
from sim.teach.interview.question import Experiment, Proof, Runs

__all__ = ["ANSWER", "WORDS", "Shown", "Word", "show"]

ANSWER = (
    "Kafka is a distributed event streaming platform. Producers append events to topics; a topic is split into "
    "partitions, and brokers keep them. Consumers read them by offset, and those of a group share the partitions. "
    "Replication keeps copies on other brokers. That gives high throughput and low latency, and it is scalable, fault "
    "tolerant and durable."
)

FLIGHTS = {
    "calm": Experiment("hello-topic", {"duration": "30s"}),
    "failure": Experiment("broker-failure", {"duration": "45s", "back_after": "15s", "arrivals": "poisson:30"}),
    "again": Experiment("reprocessing", {"duration": "30s", "found_at": "20s", "arrivals": "poisson:20"}),
    "payments": Experiment("payment-fraud", {"duration": "30s", "arrivals": "poisson:30"}, faults=False),
    "groups": Experiment("partitions-and-consumers", {"records": 300}),
    "brokers": Experiment("brokers-scaling", {"records": 4000}),
    "batches": Experiment("batching-frontier", {"duration": "1s", "heap": 20_000, "arrivals": "poisson:20"}),
    "power": Experiment("all-means-all", {"min.insync.replicas": 2}),
}


@dataclass(frozen=True, slots=True)
class Word:
    """A word of the short answer, what it means, and the number of a run that shows it."""

    word: str
    means: str
    prove: Callable[[Runs], Proof]


@dataclass(frozen=True, slots=True)
class Shown:
    """A word with what the runs have shown."""

    word: str
    means: str
    proof: Proof

    def as_json(self) -> dict[str, object]:
        """The word, its number and the sentence with it."""
        return {
            "word": self.word,
            "means": self.means,
            "proof": {"holds": self.proof.holds, "number": self.proof.number, "unit": self.proof.unit},
            "shown": self.proof.says,
        }


def show(find: Find, notice: Notice = lambda _: None) -> list[Shown]:
    """Fly all that the short answer needs, and prove it word by word."""
    runs = fly_all(FLIGHTS, find, notice)
    return [Shown(each.word, each.means, each.prove(runs)) for each in WORDS]


def _distributed(runs: Runs) -> Proof:
    led = [each for each in runs["failure"].metrics["LeaderId"] if dict(each.labels)["partition"].startswith("orders-")]
    leaders = [each.value for each in led if each.time_s == led[0].time_s]
    brokers = len(set(leaders))
    says = f"{brokers} brokers lead the {len(leaders)} partitions of one topic, and share the work."
    return Proof(brokers > 1, brokers, "brokers", says)


def _event(runs: Runs) -> Proof:
    events = sum(each["records"] for each in runs["calm"].results["partitions"].values())
    same = events == runs["calm"].verdict.acknowledged
    return Proof(same, events, "events", f"{events:,} greetings came to a reader, each with key, value and time.")


def _streaming(runs: Runs) -> Proof:
    run = runs["calm"]
    written, read = (
        {time for time, value in zip(*run.metrics.series(metric, **labels), strict=True) if value}
        for metric, labels in (("MessagesInPerSec", {"topic": "greetings"}), ("MessagesOutPerSec", {}))
    )
    share = 100 * len(written & read) / len(written)
    return Proof(
        share > 80,
        share,
        "% of the seconds",
        f"In {len(written & read)} of the {len(written)} seconds in which events were written some were read, too: "
        "nobody waits for the end.",
    )


def _platform(runs: Runs) -> Proof:
    run = runs["payments"]
    money, kinds = run.results["money"], len({app.stage for app in run.flight.plan.apps})
    return Proof(
        money["ok"] and kinds > 2,
        kinds,
        "kinds of application",
        f"{kinds} kinds of application on {len(run.flight.plan.topics)} topics moved {money['paid_cents'] / 100:,.2f} "
        f"in payments; {money['loaded_cents'] / 100:,.2f} of it arrived in the warehouse.",
    )


def _topic(runs: Runs) -> Proof:
    found = runs["again"].results
    first, again = found["reports"]["buggy"]["records"], found["reports"]["reset"]["records"]
    return Proof(
        again == found["records"],
        again,
        "events",
        f"A report read {first:,} events of a topic, and then all {again:,} from the beginning: reading takes nothing "
        "out.",
    )


def _partition(runs: Runs) -> Proof:
    parts, late = runs["calm"].results["partitions"], runs["calm"].results
    return Proof(
        late["people_out_of_order"] == 0 < late["greetings_out_of_order"],
        len(parts),
        "partitions",
        f"Of {len(parts)} partitions each is in order: no person's greetings changed places, while across them "
        f"{late['greetings_out_of_order']} were read after a later one.",
    )


def _broker(runs: Runs) -> Proof:
    kept = [sum(ends.values()) for ends in _copies(runs["failure"])]
    says = f"Each of {len(kept)} brokers keeps {min(kept):,} records of a topic on its disk, as log files."
    return Proof(min(kept) == runs["failure"].verdict.acknowledged, min(kept), "records on a broker", says)


def _producer(runs: Runs) -> Proof:
    found = runs["calm"].results
    keys, astray = sum(each["people"] for each in found["partitions"].values()), found["people_in_several_partitions"]
    says = f"The producer sent {keys} keys to {len(found['partitions'])} partitions, {astray} of them to more than one."
    return Proof(astray == 0, keys, "keys", says)


def _consumer(runs: Runs) -> Proof:
    run = runs["calm"]
    lag, delivered = max(run.metrics.series("records-lag")[1]), run.verdict.delivered["readers"]
    return Proof(
        run.verdict.ok and lag > 0,
        lag,
        "records of lag",
        f"The consumer reads at its own pace: it was up to {lag:,.0f} records behind and has read all {delivered:,}.",
    )


def _group(runs: Runs) -> Proof:
    curve = {point["members"]: point["records_per_s"] for point in runs["groups"].results["curve"]}
    times = curve[6] / curve[1]
    says = f"One consumer reads {curve[1]:,.0f} records/s, a group of six {curve[6]:,.0f}."
    return Proof(times > 4, times, "times as fast", says)


def _offset(runs: Runs) -> Proof:
    parts = runs["calm"].results["partitions"]
    counted = all(each["offsets_without_gap"] and each["next_offset"] == each["records"] for each in parts.values())
    name, last = max(((name, each["next_offset"]) for name, each in parts.items()), key=lambda pair: pair[1])
    return Proof(counted, last, "is the next offset", f"{name} has {last:,} records, at offsets 0 to {last - 1:,}.")


def _replication(runs: Runs) -> Proof:
    copies = _copies(runs["failure"])
    equal = sum(each == copies[0] for each in copies)
    says = f"{equal} of {len(copies)} copies are equal to the last record, though one broker was away for a while."
    return Proof(equal == len(copies) > 1, equal, "copies", says)


def _copies(run: Run) -> list[dict[TopicPartition, int]]:
    """For each broker the ends of its logs of the topic orders."""
    brokers = run.flight.cluster.brokers.values()
    return [{name: log.log_end_offset for name, log in each.storage.items() if name.topic == "orders"}
            for each in brokers]  # fmt: skip


def _throughput(runs: Runs) -> Proof:
    rates = runs["batches"].results["records_per_s"]
    small, large = rates["batch-1024"], rates["batch-65536"]
    says = f"One producer sends {large:,} small records a second in large batches, {small:,} in small ones."
    return Proof(large > 10 * small, large, "records/s", says)


def _latency(runs: Runs) -> Proof:
    quantiles = runs["calm"].metrics.summary()["end-to-end-latency-ms"]["readers/greetings"]
    median = quantiles["p50"]
    return Proof(median < 20, median, "ms", f"Half of the events were read within {median:.1f} ms of being sent.")


def _scalable(runs: Runs) -> Proof:
    rates = runs["brokers"].results["bytes_per_s"]
    times = rates["on-4"] / rates["on-1"]
    says = f"One broker takes {rates['on-1'] / 1e6:.1f} MB/s, four take {rates['on-4'] / 1e6:.1f} MB/s."
    return Proof(times > 3, times, "times one broker", says)


def _fault_tolerant(runs: Runs) -> Proof:
    run = runs["failure"]
    silence_s, lost = run.results["longest_silence_s"], len(run.verdict.lost)
    return Proof(
        run.verdict.ok and silence_s > 1,
        silence_s,
        "s without a leader",
        f"A leader was killed: for {silence_s:.1f} s nothing was acknowledged, then another broker led; {lost} of "
        f"{run.verdict.acknowledged:,} records are lost.",
    )


def _durable(runs: Runs) -> Proof:
    run: Run = runs["power"]
    missing, acknowledged = run.results["missing"], run.results["acknowledged"]
    says = f"After a power failure {missing} of {acknowledged:,} orders acknowledged by two brokers are missing."
    return Proof(missing == 0 < acknowledged, missing, "records missing", says)


WORDS = (
    Word("distributed", "several brokers share the work", _distributed),
    Word("event", "something that has happened: a record with key, value and time", _event),
    Word("streaming", "events are read while they come, not when all are there", _streaming),
    Word("platform", "applications that do not know each other work on the same topics", _platform),
    Word("topic", "a named log that is read as often as one likes", _topic),
    Word("partition", "a part of a topic, a log of its own: the unit of order", _partition),
    Word("broker", "a server that keeps partitions on disk and answers clients", _broker),
    Word("producer", "the client that writes; it picks the partition, by key if there is one", _producer),
    Word("consumer", "the client that reads; it asks for records when it is ready", _consumer),
    Word("group", "consumers that share the partitions of a topic", _group),
    Word("offset", "the place of a record in its partition, counted from 0", _offset),
    Word("replication", "copies of each partition on other brokers", _replication),
    Word("high throughput", "batches, and reading and writing in sequence", _throughput),
    Word("low latency", "from producer to consumer in milliseconds", _latency),
    Word("scalable", "more brokers take more", _scalable),
    Word("fault tolerant", "when a broker dies another one leads", _fault_tolerant),
    Word("durable", "what is acknowledged stays", _durable),
)
