"""Why records were lost: taken from the log, never accepted, never read, or committed before they were worked on."""

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sim.explain.chain import Chain, Link, Remedy
from sim.explain.looking import app_of, topic_config
from sim.observe.fates import RecordFate
from sim.rules.config import ProducerConfig
from sim.rules.errors import ErrorCode
from sim.rules.facts.journal import BatchFailed, IsrChanged, PositionReset
from sim.rules.facts.storage import SegmentsDeleted

if TYPE_CHECKING:
    from sim.run import Run

__all__ = ["loss", "of_buffer"]


def loss(run: "Run", at_s: float | None = None) -> Chain:
    """The chain behind the most records that were lost, or those that were around a time."""
    chains = [
        *_taken(run, at_s),
        *_given_up(run, at_s),
        *_unread(run, at_s),
        *_in_hand(run, at_s),
        *([of_buffer(run, "loss", _of_exhausted(run))] if run.recorded().hindsight.exhausted else []),
    ]
    if not chains:
        what = f"No record was lost: all {run.verdict.acknowledged:,} acknowledged ones are there"
        return Chain("loss", "none", (Link(0.0, what, "verdict"),))
    return max(chains, key=lambda chain: chain.weight_s)


def _near(time_s: float | None, at_s: float | None) -> bool:
    return at_s is None or (time_s is not None and abs(time_s - at_s) <= 5)


def _taken(run: "Run", at_s: float | None) -> Iterator[Chain]:
    """Acknowledged and not in the log."""
    lost = [fate for fate in run.verdict.lost if _near(fate.acknowledged_s, at_s)]
    for cause, fates in _by_cause(run, lost).items():
        fate = fates[0]
        what = f"{len(fates):,} acknowledged records of {fate.partition} were lost"
        first = Link(fate.acknowledged_s or 0.0, what, "verdict.json, lost")
        alone = ", the only replica in sync" if cause == "isr-of-one" else ""
        second = Link(fate.acknowledged_s or 0.0, f"they were {fate.cause}{alone}", "LogTruncated, LeaderElected")
        remedy = _remedy_of(run, cause, fate)
        yield Chain(
            "loss", cause, (first, second), remedy, lambda other: len(other.verdict.lost), "records lost", len(fates)
        )


def _by_cause(run: "Run", lost: list[RecordFate]) -> dict[str, list[RecordFate]]:
    found: dict[str, list[RecordFate]] = {}
    for fate in lost:
        found.setdefault(_slug(run, fate), []).append(fate)
    return found


def _slug(run: "Run", fate: RecordFate) -> str:
    if "acks=0" in fate.cause:
        return "acks-0"
    if "uncleanly" in fate.cause or _is_unclean(run, fate):
        return "unclean-election"
    if "not flushed" in fate.cause:
        return "isr-of-one" if _config(run, fate).acks == "all" and _was_alone(run, fate) else "power-failure"
    return "acks-1" if _config(run, fate).acks == "1" else "log-truncated"


def _is_unclean(run: "Run", fate: RecordFate) -> bool:
    config = topic_config(run, fate.partition.rpartition("-")[0])
    return config.unclean_leader_election_enable and _config(run, fate).acks == "all"


def _was_alone(run: "Run", fate: RecordFate) -> bool:
    """Whether the leader was the only replica in sync when it acknowledged the record."""
    acknowledged = (fate.acknowledged_s or 0.0) * 1e9
    changes = [
        fact.isr
        for time, fact in run.facts
        if isinstance(fact, IsrChanged) and str(fact.partition) == fate.partition and time <= acknowledged
    ]
    return bool(changes) and len(changes[-1]) == 1


def _config(run: "Run", fate: RecordFate) -> ProducerConfig:
    apps = run.flight.cluster.apps
    origin = fate.producer.partition(" (")[0]
    app = apps.get(app_of(run, origin))
    producers = [] if app is None else app.producers
    return next((made.config for made in producers if made.client_id == origin), ProducerConfig())


def _remedy_of(run: "Run", cause: str, fate: RecordFate) -> Remedy | None:
    if cause in ("acks-0", "acks-1"):
        return Remedy("producer.acks", _config(run, fate).acks, "all")
    if cause == "unclean-election":
        return Remedy("topic.unclean.leader.election.enable", "true", "false")
    if cause == "isr-of-one":
        minimum = topic_config(run, fate.partition.rpartition("-")[0]).min_insync_replicas
        return Remedy("topic.min.insync.replicas", minimum, 2)
    if cause == "power-failure":
        value = topic_config(run, fate.partition.rpartition("-")[0]).flush_messages
        return Remedy("topic.flush.messages", value, 1)
    return None


def _given_up(run: "Run", at_s: float | None) -> Iterator[Chain]:
    """Never acknowledged: their producer has given them up."""
    failed = [
        (time / 1e9, fact) for time, fact in run.facts if isinstance(fact, BatchFailed) and _near(time / 1e9, at_s)
    ]
    counts = Counter({error: 0 for error in ErrorCode if any(fact.error is error for _, fact in failed)})
    for _, fact in failed:
        counts[fact.error] += fact.columns.count
    for error, count in counts.items():
        time_s, first = next((time_s, fact) for time_s, fact in failed if fact.error is error)
        cause, remedy = _of_error(run, error, first)
        what = f"{count:,} records were given up by their producer, from {time_s:.1f} s on, and never acknowledged"
        link = Link(time_s, what, f"BatchFailed {error.name}")
        why = f"{first.partition} answered {error.name} until {remedy.key if remedy else 'the end'} was over"
        if cause == "record-too-large":
            why = f"{first.partition} takes no batch of more than max.message.bytes"
        links = link, Link(time_s, why, f"BatchFailed {error.name}")
        yield Chain("loss", cause, links, remedy, _count_given_up, "records given up", count)


def _count_given_up(run: "Run") -> float:
    return sum(fact.columns.count for _, fact in run.facts if isinstance(fact, BatchFailed))


def _of_error(run: "Run", error: ErrorCode, fact: BatchFailed) -> tuple[str, Remedy | None]:
    config = topic_config(run, fact.partition.topic)
    if error is ErrorCode.MESSAGE_TOO_LARGE:
        return "record-too-large", Remedy("topic.max.message.bytes", config.max_message_bytes, 10_485_760)
    if error in (ErrorCode.NOT_ENOUGH_REPLICAS, ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND):
        minimum = config.min_insync_replicas
        return "not-enough-replicas", Remedy("topic.min.insync.replicas", minimum, max(1, minimum - 1))
    app = run.flight.cluster.apps.get(app_of(run, fact.client_id))
    sender = next((made for made in app.producers if made.client_id == fact.client_id), None) if app else None
    if sender is None:
        return "batch-refused", None
    value = sender.config.delivery_timeout_ms
    return "delivery-timeout", Remedy("producer.delivery.timeout.ms", value, max(120_000, 4 * value))


def _of_exhausted(run: "Run") -> Link:
    time, app = run.recorded().hindsight.exhausted[0]
    what = f"{len(run.recorded().hindsight.exhausted):,} records of {app} were never sent, from {time / 1e9:.1f} s on"
    return Link(time / 1e9, what, "BufferExhausted")


def of_buffer(run: "Run", why: str, first: Link) -> Chain:
    """The chain behind records that found no memory in their producer's buffer."""
    time, name = run.recorded().hindsight.exhausted[0]
    config = run.flight.cluster.apps[name].producers[0].config
    what = (
        f"buffer.memory of {config.buffer_memory:,} bytes was full of records that wait for their acknowledgement, "
        f"and send() waits for max.block.ms of {config.max_block_ms} only"
    )
    links = first, Link(time / 1e9, what, "buffer.memory")
    remedy = Remedy("producer.buffer.memory", config.buffer_memory, max(33_554_432, 8 * config.buffer_memory))
    count = len(run.recorded().hindsight.exhausted)
    return Chain(
        why,
        "buffer-exhausted",
        links,
        remedy,
        lambda other: len(other.recorded().hindsight.exhausted),
        "records not sent",
        count,
    )


def _unread(run: "Run", at_s: float | None) -> Iterator[Chain]:
    """In the log for a while, and never handed to a group."""
    unread = [fate for fate in run.verdict.undelivered if _near(fate.acknowledged_s, at_s)]
    if not unread:
        return
    resets = [(time / 1e9, fact) for time, fact in run.facts if isinstance(fact, PositionReset)]
    deleted = [fact for _, fact in run.facts if isinstance(fact, SegmentsDeleted)]
    partitions = {fate.partition for fate in unread}
    overtaken = [fact for fact in deleted if str(fact.partition) in partitions]
    what = f"{len(unread):,} records were never handed to their group"
    first = Link(unread[0].acknowledged_s or 0.0, what, "verdict.json, undelivered")
    if overtaken:
        fact, config = overtaken[-1], topic_config(run, overtaken[-1].partition.topic)
        moved = next((time_s for time_s, reset in resets if reset.partition == fact.partition and reset.offset), 0.0)
        why = f"retention had taken the records of {fact.partition} below offset {fact.log_start_offset:,}"
        by_size = config.retention_bytes >= 0
        key, value = ("bytes", config.retention_bytes) if by_size else ("ms", config.retention_ms)
        remedy = Remedy(f"topic.retention.{key}", value, 20 * value)
        links = first, Link(moved, f"{why} before they were read", "SegmentsDeleted, PositionReset")
        cause = "retention-overtook"
    else:
        links, remedy = (first, Link(first.time_s, f"they were {unread[0].cause}", "verdict.json, cause")), None
        cause = "skipped" if "as " in unread[0].cause else "not-read-yet"
    yield Chain(
        "loss", cause, links, remedy, lambda other: len(other.verdict.undelivered), "records never read", len(unread)
    )


def _in_hand(run: "Run", at_s: float | None) -> Iterator[Chain]:
    """Committed, handed out, and the application killed over them: those not yet worked on are nobody's now."""
    found = [each for each in run.recorded().hindsight.in_hand if _near(each.time / 1e9, at_s)]
    if not found:
        return
    worst, count = found[0], sum(each.count for each in found)
    what = f"up to {count:,} records of {worst.partition} were in the hands of {worst.app} when it was killed"
    time_s = worst.time / 1e9
    why = f"their offsets were committed at {worst.committed_at / 1e9:.1f} s, before the work on them was done"
    links = (
        Link(time_s, f"{what}, and were not handed out again, done or not", "AppStopped"),
        Link(time_s, why, "OffsetsCommitted"),
    )
    consumers = run.flight.cluster.apps[worst.app].consumers
    value = consumers[0].config.max_poll_records if consumers else 500
    remedy = Remedy("consumer.max.poll.records", value, 1) if value > 1 else None

    def measure(other: "Run") -> float:
        return sum(each.count for each in other.recorded().hindsight.in_hand)

    yield Chain("loss", "commit-before-processing", links, remedy, measure, "records at risk", count)
