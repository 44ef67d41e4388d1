"""Why a group fell behind: nobody read, nobody could write, a transaction stayed open, or the work was too slow."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sim.explain.chain import Chain, Link, Remedy
from sim.explain.leadership import outages
from sim.explain.leadership import told as told_outage
from sim.explain.looking import active_faults, members_of, producers_to
from sim.explain.ownership import cause_of, gaps
from sim.explain.ownership import told as told_gap
from sim.rules.facts.journal import OffsetsCommitted
from sim.rules.topics import TopicPartition
from sim.world import faults

if TYPE_CHECKING:
    from sim.run import Run

__all__ = ["lag", "peak"]

LEAST_S = 1.5
FEWEST_COMMITS = 5
"""So many commits of other partitions show that a group is at work."""
FEWEST_REDELIVERIES = 3
"""So often in a row a record comes again that its reader cannot handle."""
CONCENTRATED = 2
"""A partition that got so many times the records of the others on average is hot."""


def peak(run: "Run", at_s: float | None = None) -> tuple[float, float, str, str]:
    """The longest that a committed offset was behind (seconds), when, and of which group and partition."""
    found = [(0.0, 0.0, "", "")]
    for sample in run.metrics.samples:
        if sample.metric == "records-lag-seconds" and (at_s is None or abs(sample.time_s - at_s) <= 1):
            labels = dict(sample.labels)
            found.append((sample.value, sample.time_s, labels["group"], labels["partition"]))
    return max(found, key=lambda each: each[0])


def lag(run: "Run", at_s: float | None = None) -> Chain:
    """The chain behind the worst lag of a run, or behind that at a time."""
    size_s, peak_s, group_id, partition = peak(run, at_s)
    if size_s < LEAST_S:
        return Chain("lag", "none", (Link(0.0, "No group was ever behind by more than a moment", "records-lag"),))
    topic, _, number = partition.rpartition("-")
    name = TopicPartition(topic, int(number))
    onset_s = max(0.0, peak_s - size_s)
    candidates = [
        *_unowned(run, group_id, name, onset_s, peak_s),
        *_unwritable(run, name, onset_s, peak_s),
        *_unstable(run, group_id, name, onset_s, peak_s),
        _slow(run, group_id, name, onset_s, peak_s),
    ]
    best = max(candidates, key=lambda chain: chain.weight_s)
    records = max(run.metrics.series("records-lag", group=group_id, partition=partition)[1])
    what = f"{group_id} fell {size_s:.1f} s behind in {partition} by {peak_s:.1f} s, up to {records:,.0f} records"
    first = Link(peak_s, what, "records-lag-seconds")

    def measure(other: "Run") -> float:
        return max(other.metrics.series("records-lag-seconds", group=group_id, partition=partition)[1], default=0.0)

    return Chain("lag", best.cause, (first, *best.links), best.remedy, measure, weight_s=best.weight_s)


def _overlap_s(begin_s: float, end_s: float, onset_s: float, peak_s: float) -> float:
    return max(0.0, min(end_s, peak_s) - max(begin_s, onset_s - 1))


def _unowned(run: "Run", group_id: str, name: TopicPartition, onset_s: float, peak_s: float) -> Iterator[Chain]:
    """The longest time without a reader of each cause, with the weight of all that have the same."""
    found = [(_overlap_s(gap.begin_s, gap.end_s, onset_s, peak_s), gap) for gap in gaps(run, group_id, name)]
    for cause in dict.fromkeys(gap.cause for weight_s, gap in found if weight_s):
        alike = [(weight_s, gap) for weight_s, gap in found if gap.cause == cause]
        gap = cause_of(run, group_id, max(alike, key=lambda each: each[0])[1])
        links, remedy = told_gap(run, group_id, str(name), gap)
        yield Chain("lag", cause, links, remedy, weight_s=sum(weight_s for weight_s, _ in alike))


def _unwritable(run: "Run", name: TopicPartition, onset_s: float, peak_s: float) -> Iterator[Chain]:
    for outage in outages(run):
        weight_s = _overlap_s(outage.begin_s, outage.end_s, onset_s, peak_s)
        if outage.partition == name and weight_s:
            links, remedy = told_outage(run, outage)
            yield Chain("lag", outage.cause, links, remedy, weight_s=weight_s)


def _unstable(run: "Run", group_id: str, name: TopicPartition, onset_s: float, peak_s: float) -> Iterator[Chain]:
    times_s = [
        time / 1e9 for time in run.recorded().hindsight.unstable.get(name, ()) if onset_s - 1 <= time / 1e9 <= peak_s
    ]
    if len(times_s) < 2:
        return
    weight_s = float(len(times_s))
    writers = [writer for writer in producers_to(run, name.topic) if writer.config.transactional_id]
    limit_ms = writers[0].config.transaction_timeout_ms if writers else 60_000
    what = f"a transaction in {name} stayed open for {weight_s:.0f} s, and {group_id} reads only what is committed"
    waited = Link(times_s[0], what, "last stable offset below the high watermark")
    limit = f"the coordinator lets a transaction live for transaction.timeout.ms of {limit_ms}"
    other = 10_000 if limit_ms > 10_000 else max(1000, limit_ms // 3)
    remedy = Remedy("producer.transaction.timeout.ms", limit_ms, other)
    links = waited, Link(times_s[0], limit, "transaction.timeout.ms")
    yield Chain("lag", "open-transaction", links, remedy, weight_s=weight_s)


def _slow(run: "Run", group_id: str, name: TopicPartition, onset_s: float, peak_s: float) -> Chain:
    """The work takes longer than records take to come: what is left when everybody was there."""
    weight_s = (peak_s - onset_s) / 2
    members = members_of(run, group_id)
    ends = {each: run.flight.cluster.log(each).log_end_offset for each in run.flight.cluster.partitions()}
    ends = {each: end for each, end in ends.items() if each.topic == name.topic}
    own, rest = ends[name], [end for each, end in ends.items() if each != name]
    if rest and own > CONCENTRATED * max(1.0, sum(rest) / len(rest)):
        what = f"{name} got {own:,} of all {sum(ends.values()):,} records of {name.topic}: its keys come too often"
        link = Link(onset_s, what, "log end offsets by partition")
        remedy = Remedy("producer.partitioner.ignore.keys", "false", "true")
        return Chain("lag", "hot-partition", (link,), remedy, weight_s=weight_s)
    stuck = _stuck(run, group_id, name, onset_s, peak_s)
    if stuck is not None:
        return Chain("lag", "poison-record", (stuck,), weight_s=weight_s)
    partitions = len(ends)
    for fault in active_faults(run, onset_s, peak_s):
        if isinstance(fault, faults.SlowHandler | faults.TrafficBurst):
            cause = "slow-handler" if isinstance(fault, faults.SlowHandler) else "traffic-burst"
            link = Link(fault.begins / 1e9, str(fault), "FaultBegan")
            return Chain("lag", cause, (link,), weight_s=weight_s)
    if len(members) > partitions:
        idle = len(members) - partitions
        what = f"{partitions} partitions keep {partitions} of {len(members)} members busy, and {idle} got none"
        link = Link(onset_s, what, "PartitionsAssigned")
        return Chain("lag", "idle-consumers", (link,), weight_s=weight_s)
    what = f"{len(members)} members of {group_id} work more slowly than records come"
    return Chain("lag", "processing-slow", (Link(onset_s, what, "records-lag grows"),), weight_s=weight_s)


def _stuck(run: "Run", group_id: str, name: TopicPartition, onset_s: float, peak_s: float) -> Link | None:
    """The group commits other partitions while one record holds this one up, for most of the time it fell behind.

    That it is one record is known of a poison record, and of one that is handed out again and again.
    """
    poison = any(
        isinstance(fault, faults.PoisonRecord) and TopicPartition(fault.topic, fault.partition) == name
        for fault in active_faults(run, 0.0, peak_s)
    )
    if not poison and run.recorded().hindsight.redelivered.get((group_id, name), 0) < FEWEST_REDELIVERIES:
        return None
    moved = {False: [0.0], True: [0.0]}
    offset = 0
    for time, fact in run.facts:
        if isinstance(fact, OffsetsCommitted) and fact.group_id == group_id and time / 1e9 <= peak_s:
            for each, committed in fact.offsets:
                if each != name or committed > offset:
                    moved[each == name].append(time / 1e9)
                offset = max(offset, committed) if each == name else offset
    since_s, others = moved[True][-1], [time_s for time_s in moved[False] if time_s > moved[True][-1]]
    if len(others) < FEWEST_COMMITS or peak_s - since_s < (peak_s - onset_s) / 2:
        return None
    what = f"{group_id} did not get past offset {offset:,} of {name} from {since_s:.1f} s on, and went on elsewhere"
    return Link(since_s, what, "OffsetsCommitted")
