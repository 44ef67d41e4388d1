"""How often a batch was sent, by whom it was written, and what became of the answers."""

from collections.abc import Sequence

from sim.observe.acknowledgement import Acknowledgement
from sim.rules.errors import ErrorCode
from sim.rules.facts.journal import BatchRetried, LeaderElected
from sim.rules.storage.batch import RecordBatch, RecordColumns
from sim.rules.topics import TopicPartition
from sim.world.flight import Flight

__all__ = ["Attempts"]

WRITTEN_ALL_THE_SAME = (
    ErrorCode.REQUEST_TIMED_OUT,
    ErrorCode.NETWORK_EXCEPTION,
    ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
    ErrorCode.NOT_LEADER_OR_FOLLOWER,
)
"""Errors after which a batch may be in the log nevertheless."""

TIMES = {2: "twice"}


class Attempts:
    """Remembers the failed attempts of each batch, and which broker led in which epoch."""

    def __init__(self, flight: Flight) -> None:
        self._failed: dict[RecordColumns, list[tuple[int, ErrorCode]]] = {}
        self._leaders: dict[tuple[TopicPartition, int], tuple[int, bool]] = {}
        facts = flight.machine.facts
        facts.listen(BatchRetried, self._on_retried)
        facts.listen(LeaderElected, self._on_elected)

    def _on_retried(self, time: int, fact: BatchRetried) -> None:
        if fact.columns is not None:
            self._failed.setdefault(fact.columns, []).append((time, fact.error))

    def _on_elected(self, _: int, fact: LeaderElected) -> None:
        self._leaders[fact.partition, fact.leader_epoch] = fact.leader, fact.recovering

    def wrote(self, name: TopicPartition, leader_epoch: int, broker_id: int) -> None:
        """A broker is known to have led in an epoch, be it one from before the flight."""
        self._leaders.setdefault((name, leader_epoch), (broker_id, False))

    def leader(self, name: TopicPartition, leader_epoch: int) -> tuple[int, bool] | None:
        """Who led in an epoch, and whether it was elected uncleanly; None if that is not known."""
        return self._leaders.get((name, leader_epoch))

    def why_duplicated(
        self, columns: RecordColumns, copies: Sequence[RecordBatch], acknowledgement: Acknowledgement
    ) -> str:
        """Where the copies stand, who has written each, and in which attempt."""
        others = [copy for copy in copies if copy.base_offset != acknowledgement.base_offset]
        failed = dict(zip(map(id, others), self._attempts(columns, len(others)), strict=False))
        told = []
        for copy in copies:
            place = f"at offset {copy.base_offset} {self._written(acknowledgement.partition, copy)}"
            if copy.base_offset == acknowledgement.base_offset:
                attempt = len(self._failed.get(columns, ())) + 1
                told.append(f"{place} (attempt {attempt}, acknowledged at {acknowledgement.time / 1e9:.3f} s)")
            else:
                told.append(f"{place} ({failed[id(copy)]})" if id(copy) in failed else place)
        times = TIMES.get(len(copies), f"{len(copies)} times")
        return f"written {times}: {', '.join(told[:-1])} and {told[-1]}"

    def why_reordered(self, columns: RecordColumns, batch: RecordBatch, name: TopicPartition, before: int) -> str:
        """What it stands behind, and which failed attempt has let the others pass."""
        place = f"at offset {batch.base_offset} of {name}, {self._written(name, batch)}"
        cause = f"{place}, behind number {before} of the same producer"
        failed = self._failed.get(columns)
        if not failed:
            return cause
        return f"{cause}: later records were written before attempt {len(failed) + 1}; {outcome(1, *failed[0])}"

    def _written(self, name: TopicPartition, batch: RecordBatch) -> str:
        leader = self.leader(name, batch.leader_epoch)
        by = "" if leader is None else f"by broker {leader[0]} "
        return f"{by}in epoch {batch.leader_epoch}"

    def _attempts(self, columns: RecordColumns, count: int) -> list[str]:
        """The attempts that have written so many copies, if it must have been these."""
        failed = [(number, *attempt) for number, attempt in enumerate(self._failed.get(columns, ()), 1)]
        possible = [attempt for attempt in failed if attempt[2] in WRITTEN_ALL_THE_SAME]
        return [outcome(*attempt) for attempt in possible] if len(possible) == count else []


def outcome(number: int, time: int, error: ErrorCode) -> str:
    """An attempt that failed, in words."""
    if error is ErrorCode.REQUEST_TIMED_OUT:
        what = "not answered before the time-out"
    elif error is ErrorCode.NETWORK_EXCEPTION:
        what = "its answer lost with the connection"
    else:
        what = f"refused with {error.name}"
    return f"attempt {number}, {what} at {time / 1e9:.3f} s"
