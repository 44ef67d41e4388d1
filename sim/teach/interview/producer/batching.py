"""What batches buy: fewer requests for some latency, and more records through a narrow line."""

from collections.abc import Sequence

from sim.actors.client.app import App, Behaviour
from sim.machine.clock import SECOND
from sim.machine.devices import ClientHardware
from sim.rules.config import ProducerConfig
from sim.rules.topics import TopicPartition
from sim.run import Run
from sim.scenario import Scenario
from sim.teach.interview.question import Experiment, Picture, Proof, Question, Runs, WrongAnswer
from sim.teach.interview.workloads import Steps
from sim.world.cluster import ClusterSpec
from sim.world.plan import AppSpec, Plan
from sim.world.settings import Knob, Settings
from sim.world.topics import Topic

__all__ = ["QUESTIONS"]

SHORT = {"heap": 2000, "duration": "9s"}
Points = list[tuple[float, float]]


def _frontier(run: Run) -> dict[int, tuple[float, float]]:
    """For each linger.ms the p99 of the latency in milliseconds, and the batches for a hundred records."""
    found: dict[int, tuple[float, float]] = {}
    for topic in (topic.name for topic in run.flight.plan.topics if topic.name.startswith("linger-")):
        counts = [batch.count for batch in run.flight.cluster.log(TopicPartition(topic, 0)).batches(0)]
        p99_ms = run.metrics.histograms["produce-latency-ms", (("topic", topic),)].summary()["p99"]
        found[int(topic.removeprefix("linger-"))] = p99_ms, 100 * len(counts) / sum(counts)
    return found


def _knee(points: Sequence[tuple[float, float]]) -> int:
    """The place of the point farthest from the straight line between the ends, both axes scaled to 1."""
    (left, high), (right, low) = points[0], points[-1]
    bulges = [(high - y) / (high - low) - (x - left) / (right - left) for x, y in points]
    return bulges.index(max(bulges))


def _knee_of_linger(runs: Runs) -> Proof:
    frontier, rates = _frontier(runs["frontier"]), runs["frontier"].results["records_per_s"]
    knee = list(frontier)[_knee(list(frontier.values()))]
    (none_ms, none), (knee_ms, knee_batches), (most_ms, most_batches) = frontier[0], frontier[knee], frontier[100]
    small, large = rates["batch-1024"], rates["batch-65536"]
    return Proof(
        0 < knee < 100 and none > knee_batches > most_batches and none_ms < knee_ms < most_ms and large > 3 * small,
        knee,
        "ms",
        f"The knee is at linger.ms={knee}: {knee_batches:.0f} batches for 100 records in place of {none:.0f}, for a "
        f"p99 of {knee_ms:.0f} ms in place of {none_ms:.0f}. With a heap to send batch.size counts: {small:,} "
        f"records/s at 1 KiB, {large:,} at 64 KiB.",
        {
            "linger_ms": ProducerConfig().linger_ms,
            "batch_size": ProducerConfig().batch_size,
            "none": none,
            "none_ms": none_ms,
            "knee": knee,
            "knee_batches": knee_batches,
            "knee_ms": knee_ms,
            "most": most_batches,
            "most_ms": most_ms,
            "small": small,
            "large": large,
        },
    )


def _no_waiting_for_a_full_batch(runs: Runs) -> tuple[bool, str]:
    p99_ms, batches = _frontier(runs["frontier"])[0]
    return batches > 90 and p99_ms < 20, (
        f"batch.size is a limit. With linger.ms=0 a batch held {100 / batches:.2f} records on average, far below it, "
        f"and p99 of the latency was {p99_ms:.0f} ms."
    )


def _linger_is_no_matter_when_full(runs: Runs) -> tuple[bool, str]:
    rates = [runs[name].results["records_per_s"]["batch-1024"] for name in ("frontier", "heap with linger")]
    return abs(rates[1] / rates[0] - 1) < 0.1, (
        f"With a heap to send batches are full at once and leave: {rates[0]:,} records/s with linger.ms="
        f"{ProducerConfig().linger_ms}, "
        f"{rates[1]:,} with 100."
    )


CODECS = ("none", "lz4", "zstd", "gzip")
LINES = (2, 50, 100, 200, 400, 800, 1250)
"""Network cards, in MB/s."""
SLOW, FAST = LINES[0], LINES[-1]
RECORDS, RECORD_BYTES = 8000, 500


def _flood(rate: dict[str, float]) -> Behaviour:
    """Sends a heap of records as fast as it can, once it is connected."""

    def run(app: App) -> Steps:
        producer = app.producer(batch_size=65_536, linger_ms=20, buffer_memory=1 << 20)
        yield from producer.send("events", b"hello")
        yield from producer.flush()
        begun = app.now
        yield from producer.send_many("events", RECORD_BYTES, [begun] * RECORDS)
        yield from producer.close()
        rate["mb_per_s"] = RECORDS * RECORD_BYTES / 1e6 * SECOND / (app.now - begun)

    return run


def _make_codec(settings: Settings) -> Plan:
    rate: dict[str, float] = {}
    line = ClientHardware(nic_bytes_per_s=settings["line"] * 1e6)
    return Plan(
        duration=None,
        cluster=ClusterSpec(brokers=1, racks=1, client_hardware=line, group_topics=False),
        topics=(Topic("events", 6, 1),),
        apps=(AppSpec("source", _flood(rate), "source", finite=True),),
        stages=(("source", "events"),),
        wrap_up=lambda complete: rate if complete else {},
    )


CODEC = Scenario(
    name="compression-on-a-line",
    summary="A heap of records through a slow or a fast network card.",
    story="",
    make=_make_codec,
    knobs={"line": Knob(SLOW, "the producer's network card, in MB/s", 1, 100_000)},
)


def _on_the_wire(run: Run) -> float:
    """Bytes in the log over bytes of values."""
    logs = [run.flight.cluster.log(name) for name in run.flight.cluster.partitions()]
    return sum(log.size_bytes for log in logs) / (RECORDS * RECORD_BYTES)


def _rates(runs: Runs, line: int) -> dict[str, float]:
    return {codec: runs[f"{line} {codec}"].results["mb_per_s"] for codec in CODECS}


def _narrower(runs: Runs) -> Proof:
    slow, fast = _rates(runs, SLOW), _rates(runs, FAST)
    wire = {codec: _on_the_wire(runs[f"{SLOW} {codec}"]) for codec in CODECS}
    factor = slow["zstd"] / slow["none"]
    return Proof(
        abs(factor * wire["zstd"] / wire["none"] - 1) < 0.05 and fast["gzip"] < fast["lz4"] < fast["none"],
        round(factor, 2),
        "times the records",
        f"Through a card of {SLOW} MB/s went {slow['none']:.1f} MB/s of records as they are, "
        f"{slow['lz4']:.1f} with lz4, {slow['zstd']:.1f} with zstd; through one of {FAST:,} MB/s it was "
        f"{fast['none']:,.0f}, {fast['lz4']:,.0f} and {fast['zstd']:,.0f} MB/s.",
        {
            "line": SLOW,
            "fast_line": FAST,
            "factor": factor,
            "default": ProducerConfig().compression_type,
            **{f"slow_{codec}": rate for codec, rate in slow.items()},
            **{f"fast_{codec}": rate for codec, rate in fast.items()},
            **{f"wire_{codec}": share for codec, share in wire.items()},
        },
    )


def _not_always_faster(runs: Runs) -> tuple[bool, str]:
    fast = _rates(runs, FAST)
    return fast["gzip"] < fast["none"] / 2, (
        f"On a card of {FAST:,} MB/s the processor is the limit: {fast['none']:,.0f} MB/s without "
        f"compression, {fast['gzip']:,.0f} MB/s with gzip."
    )


def _same_ratio_other_price(runs: Runs) -> tuple[bool, str]:
    fast = _rates(runs, FAST)
    gzip, zstd = (_on_the_wire(runs[f"{FAST} {codec}"]) for codec in ("gzip", "zstd"))
    return abs(gzip - zstd) < 0.01 and fast["zstd"] > 2 * fast["gzip"], (
        f"For {gzip:.0%} and {zstd:.0%} of the bytes gzip let {fast['gzip']:,.0f} MB/s through, zstd "
        f"{fast['zstd']:,.0f}: equal on the wire, and not for the processor."
    )


QUESTIONS = (
    Question(
        number=15,
        topic="producer",
        level="junior",
        asks="What do linger.ms and batch.size do?",
        predict="200 records a second go to one partition. On the curve of batches against p99 latency for linger.ms "
        "of 0, 5, 20 and 100: where is the knee, in ms?",
        flights={
            "frontier": Experiment("batching-frontier", SHORT),
            "heap with linger": Experiment("batching-frontier", {"heap": 2000, "duration": "1s", "linger.ms": 100}),
        },
        prove=_knee_of_linger,
        answer="""
            A producer collects records for each partition in a batch, and a batch leaves when it has batch.size bytes
            or when linger.ms is over, whichever comes first. linger.ms buys fewer requests for latency. With 200
            records a second the run needed {none:.0f} batches for a hundred records at linger.ms=0 and a p99 of
            {none_ms:.0f} ms; {knee_batches:.0f} at {knee} ms, for {knee_ms:.0f} ms; {most:.0f} at 100 ms, for
            {most_ms:.0f} ms. So the knee is at {knee}: beyond it a millisecond saves little. batch.size matters when
            there is more than enough to send: then batches are full at once, and throughput went from {small:,} records
            a second at 1 KiB to {large:,} at 64 KiB. Defaults are linger.ms={linger_ms} and batch.size={batch_size:,}.
        """,
        follow_up="Why did Kafka 4.0 raise the default of linger.ms from 0 to 5?",
        follow_up_answer="""
            Because larger batches usually pay for the wait: fewer requests mean less work for the broker, so latency
            under load often stays the same or falls. For a lonely record it costs {linger_ms} ms. Whoever needs less
            sets 0, and gets {none:.0f} batches for a hundred records.
        """,
        wrong=(
            WrongAnswer("The producer waits until batch.size is reached.", _no_waiting_for_a_full_batch),
            WrongAnswer("A larger linger.ms makes a busy producer slower.", _linger_is_no_matter_when_full),
        ),
        picture=Picture(
            x="p99 of the latency, ms",
            y="batches for 100 records",
            curves=lambda runs: {"linger.ms of 0, 5, 20 and 100": list(_frontier(runs["frontier"]).values())},
            title=lambda runs: _knee_of_linger(runs).says.split(". With")[0],
        ),
    ),
    Question(
        number=16,
        topic="producer",
        level="junior",
        asks="What does compression.type gain, and what does it cost?",
        predict="A producer's line is full. zstd makes records three tenths of their size. How many times as many "
        "records go through?",
        flights={
            f"{line} {codec}": Experiment(CODEC, {"line": line, "producer.compression.type": codec})
            for line in LINES
            for codec in CODECS
        },
        prove=_narrower,
        answer="""
            The producer compresses whole batches; brokers store and replicate them as they are, and consumers unpack
            them. So it saves network, disk and page cache at every hop, for processor time in the clients. The default
            is {default}. In the run, with typical ratios for JSON, lz4 left {wire_lz4:.0%} of the bytes and zstd
            {wire_zstd:.0%}. Through a line of {line:g} MB/s went {slow_none:.1f} MB/s of records uncompressed,
            {slow_lz4:.1f} with lz4, {slow_zstd:.1f} with zstd: {factor:.1f} times as many. On a line of {fast_line:,}
            MB/s it is the other way round, as nothing but compression takes the client any time here: {fast_none:,.0f}
            MB/s uncompressed, {fast_lz4:,.0f} with lz4, {fast_zstd:,.0f} with zstd, {fast_gzip:,.0f} with gzip. So lz4
            for speed, zstd for size, measured with your own records, and batches large enough to have something to
            compress.
        """,
        follow_up="What if the topic has another compression.type than the producer?",
        follow_up_answer="""
            Then the broker unpacks and compresses every batch again, and pays the processor time that clients should
            have paid. The topic's default is producer: keep the batch as it came. In the run that is {wire_zstd:.0%} of
            the bytes, for every replica.
        """,
        wrong=(
            WrongAnswer("Compression always makes a producer faster.", _not_always_faster),
            WrongAnswer("gzip and zstd are as good as each other, as they save as much.", _same_ratio_other_price),
        ),
        picture=Picture(
            x="the producer's network card, MB/s",
            y="records sent, MB/s",
            curves=lambda runs: {codec: [(line, _rates(runs, line)[codec]) for line in LINES] for codec in CODECS},
            title=lambda runs: "Most records: " + "; ".join(_best(runs, line) for line in (SLOW, 200, FAST)),
        ),
    ),
)


def _best(runs: Runs, line: int) -> str:
    rates = {codec: round(rate, 1) for codec, rate in _rates(runs, line).items()}
    return f"{max(rates, key=rates.__getitem__)} at {line:,} MB/s"
