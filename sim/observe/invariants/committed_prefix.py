"""What was committed stays: every later leader has the same batches below any high watermark that was announced."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator

from sim.observe.invariants.checker import Checker, Violations
from sim.observe.invariants.losses import Losses
from sim.observe.invariants.sighting import Identity, Sighting
from sim.observe.invariants.violation import InvariantViolation
from sim.rules.facts.storage import LogCleaned
from sim.rules.storage.batch import RecordBatch
from sim.rules.storage.log import Log
from sim.rules.topics import TopicPartition

__all__ = ["CommittedPrefix"]


class History:
    """What leaders have committed of one partition; `leader` is the newest that acted, `restarted_at` its epoch."""

    def __init__(self) -> None:
        self.batches: list[RecordBatch] = []
        self.base_offsets: list[int] = []
        self.end_offset = 0
        self.committed_by = ""
        self.leader: Sighting | None = None
        self.restarted_at = -1

    def extend(self, leader: Sighting) -> None:
        """Take what a leader's high watermark has newly passed; a batch is taken when it is passed as a whole."""
        for batch in leader.log.batches(self.end_offset, leader.high_watermark):
            if batch.base_offset >= self.end_offset:
                self.batches.append(batch)
                self.base_offsets.append(batch.base_offset)
        self.end_offset = leader.high_watermark
        self.committed_by = f"broker {leader.broker_id} at epoch {leader.leader_epoch}"

    def restart(self, leader: Sighting, epoch: int) -> None:
        """Begin anew with what a leader has: records were lost as the configuration allows."""
        self.batches, self.base_offsets, self.end_offset = [], [], leader.log_start_offset
        self.restarted_at = epoch
        self.extend(leader)

    def between(self, from_offset: int, to_offset: int) -> list[RecordBatch]:
        """The committed batches that end at or after one offset and begin before another."""
        first = max(0, bisect_right(self.base_offsets, from_offset) - 1)
        found = self.batches[first : bisect_right(self.base_offsets, to_offset - 1)]
        return [batch for batch in found if batch.last_offset >= from_offset]


class CommittedPrefix(Checker):
    """Batches below a leader's high watermark have the same offsets, epoch and records in the log of later leaders.

    A later leader may begin its log later (retention, deleted records) and lack batches that compaction has cleaned
    away. After an unclean election the new leader's log is what counts, and nothing counts that a leader of an older
    epoch still commits. The same holds when a leader has lost with its power what it should have.
    """

    name = "committed-prefix"
    kinds = (LogCleaned,)

    def __init__(self, losses: Losses) -> None:
        self._losses = losses
        self._histories: dict[Identity, History] = {}
        self._cleaned_to: dict[TopicPartition, int] = {}

    def heard(self, _: int, fact: object) -> Violations:
        """Compaction may have removed batches below an offset, on one broker and by and by on others."""
        assert isinstance(fact, LogCleaned)
        self._cleaned_to[fact.partition] = max(self._cleaned_to.get(fact.partition, 0), fact.end_offset)
        return ()

    def seen(self, time: int, before: Sighting | None, now: Sighting) -> Violations:
        """Compare the log of a new leader, and what the watermark of any leader passes."""
        if not now.is_leader or (before is not None and before[3:6] == now[3:6]):
            return ()
        return [*self._look(time, before, now)]

    def _look(self, time: int, before: Sighting | None, now: Sighting) -> Iterator[InvariantViolation]:
        history = self._histories.get(now.identity)
        if history is None:
            history = self._histories[now.identity] = History()
        unclean = self._losses.unclean_epoch(now.name)
        if now.leader_epoch < max(unclean, history.restarted_at):
            return
        if history.restarted_at < unclean:
            history.restart(now, unclean)
        known = history.leader
        if known is None or now.leader_epoch > known.leader_epoch or now.log_end_offset < history.end_offset:
            yield from self._compare(time, history, now, now.log_start_offset, history.end_offset)
        elif before is not None and before.high_watermark < min(now.high_watermark, history.end_offset):
            yield from self._compare(time, history, now, before.high_watermark, now.high_watermark)
        if known is None or now.leader_epoch >= known.leader_epoch:
            history.leader = now
        if now.high_watermark > history.end_offset:
            from_offset = history.end_offset
            history.extend(now)
            if known is not None and now.leader_epoch < known.leader_epoch:
                yield from self._compare(time, history, known, from_offset, history.end_offset)

    def _compare(
        self, time: int, history: History, leader: Sighting, from_offset: int, to_offset: int
    ) -> Iterator[InvariantViolation]:
        """The leader's log against the committed batches between two offsets."""
        log, name = leader.log, leader.name
        start, end = max(from_offset, log.log_start_offset), min(to_offset, history.end_offset)
        if history.leader is not None and leader.leader_epoch < history.leader.leader_epoch:
            end = min(end, leader.high_watermark)
        offset = first_difference(history.between(start, end), log, start, end, self._cleaned_to.get(name, 0))
        if offset is None:
            return
        if self._losses.has_lost(leader.broker_id, name, offset):
            history.restart(leader, leader.leader_epoch)
            return
        yield self.violation(
            time,
            name,
            f"broker {leader.broker_id} leads {name} at epoch {leader.leader_epoch} without the records that were "
            f"committed at offset {offset}; the high watermark was {history.end_offset}, announced by "
            f"{history.committed_by}",
        )


def first_difference(
    committed: Iterable[RecordBatch], log: Log, from_offset: int, to_offset: int, cleaned_to: int
) -> int | None:
    """The first offset at which a log has not what was committed; below `cleaned_to` batches may be missing."""
    left = {batch.base_offset: batch for batch in committed}
    for batch in log.batches(from_offset, to_offset):
        known = left.pop(batch.base_offset, None)
        if known is None:
            if batch.base_offset >= cleaned_to:
                return batch.base_offset
        elif known is not batch and (known.columns.written, known.leader_epoch) != (
            batch.columns.written,
            batch.leader_epoch,
        ):
            return batch.base_offset
    return next((offset for offset in left if offset >= cleaned_to), None)
