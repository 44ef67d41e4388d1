"""How far a group got in a partition, and where it has jumped over records."""

from bisect import bisect_right

from sim.rules.facts.journal import OffsetsCommitted, PositionReset, RecordsDelivered
from sim.rules.topics import TopicPartition
from sim.world.flight import Flight

__all__ = ["Progress"]

Place = tuple[str, TopicPartition]
Moved = tuple[int, int, str]
"""A time in nanoseconds, an offset, and who did it."""


class Jump:
    """A consumer was handed records beyond all that its group had got: `start` up to `end` were left out."""

    __slots__ = ("client_id", "end", "start", "time")

    def __init__(self, time: int, client_id: str, start: int, end: int) -> None:
        self.time = time
        self.client_id = client_id
        self.start = start
        self.end = end


class Progress:
    """Follows groups through partitions, for the cause of what they have not got."""

    def __init__(self, flight: Flight) -> None:
        self._cluster = flight.cluster
        self._next: dict[Place, int] = {}
        self._jumps: dict[Place, list[Jump]] = {}
        self._resets: dict[Place, list[Moved]] = {}
        self._commits: dict[Place, list[Moved]] = {}
        facts = flight.machine.facts
        facts.listen(RecordsDelivered, self._on_delivered)
        facts.listen(PositionReset, self._on_reset)
        facts.listen(OffsetsCommitted, self._on_committed)

    def _on_delivered(self, time: int, fact: RecordsDelivered) -> None:
        place = fact.group_id, fact.partition
        reached = self._next.get(place, 0)
        if fact.first_offset > reached:
            jump = Jump(time, fact.client_id, reached, fact.first_offset)
            self._jumps.setdefault(place, []).append(jump)
        if fact.next_offset > reached:
            self._next[place] = fact.next_offset

    def _on_reset(self, time: int, fact: PositionReset) -> None:
        self._resets.setdefault((fact.group_id, fact.partition), []).append((time, fact.offset, ""))

    def _on_committed(self, time: int, fact: OffsetsCommitted) -> None:
        for name, offset in fact.offsets:
            self._commits.setdefault((fact.group_id, name), []).append((time, offset, fact.client_id))

    def why_undelivered(self, group_id: str, name: TopicPartition, offset: int) -> str:
        """Why no poll of a group has returned the record at an offset."""
        place = group_id, name
        never = f"never returned by a poll of {group_id}"
        if self._is_share_group(group_id):
            return never
        jump = self._jump_over(place, offset)
        if jump is not None:
            began = f"{jump.client_id} went on at offset {jump.end} at {jump.time / 1e9:.3f} s"
            return f"{never}: {began}{self._reason(place, offset, jump.time)}"
        reached = self._next.get(place)
        if reached is not None and offset < reached:
            return f"{never}, though it got beyond it, to offset {reached}"
        so_far = f"got nothing of {name}" if reached is None else f"got no further than offset {reached} of {name}"
        return f"{never}, which {so_far}{self._reason(place, offset, None)}"

    def why_none_delivered(self, group_id: str, name: TopicPartition, first: int, last: int) -> str | None:
        """The reason that the records from one offset to another share; None when they may have several."""
        if first < self._next.get((group_id, name), 0):
            return None
        one, other = (self.why_undelivered(group_id, name, offset) for offset in (first, last))
        return one if one == other else None

    def _jump_over(self, place: Place, offset: int) -> Jump | None:
        jumps = self._jumps.get(place, [])
        index = bisect_right(jumps, offset, key=lambda jump: jump.start) - 1
        return jumps[index] if index >= 0 and offset < jumps[index].end else None

    def _reason(self, place: Place, offset: int, until: int | None) -> str:
        """What has put the group's position beyond an offset: a reset, or else a commit."""
        reset = _first_beyond(self._resets.get(place, []), offset, until)
        if reset is not None:
            return f", as the position was reset to {reset[1]} at {reset[0] / 1e9:.3f} s"
        commit = _first_beyond(self._commits.get(place, []), offset, until)
        if commit is not None:
            return f", as {commit[2]} had committed {commit[1]} at {commit[0] / 1e9:.3f} s"
        return ""

    def _is_share_group(self, group_id: str) -> bool:
        apps = self._cluster.apps.values()
        return any(consumer.group_id == group_id for app in apps for consumer in app.share_consumers)


def _first_beyond(moves: list[Moved], offset: int, until: int | None) -> Moved | None:
    """The first move, up to a time, beyond an offset."""
    return next((move for move in moves if move[1] > offset and (until is None or move[0] <= until)), None)
