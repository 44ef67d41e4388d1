"""Whether a pipeline that promises it has made one record of each: from the true logs of its source and target."""

from collections import Counter
from collections.abc import Iterator

from sim.observe.aborted import aborted_columns
from sim.rules.topics import TopicPartition
from sim.world.flight import Flight
from sim.world.plan import GroupSpec
from sim.world.script.consuming import is_poison
from sim.world.script.pipelines import origin_of

__all__ = ["broken_promises"]

Place = tuple[TopicPartition, int]


def broken_promises(flight: Flight, group: GroupSpec) -> tuple[list[Place], list[Place]]:
    """Records of the source that the target has twice, and those that it lacks although the group is past them.

    Records are partitions and offsets; only what is committed counts.
    """
    made = Counter(
        origin_of(value, group.group_id)
        for _, value in _committed(flight, group.exactly_once_in)
        if value is not None and value.startswith(f"{group.group_id}:".encode())
    )
    done = flight.cluster.committed_offsets(group.group_id) or {}
    wanted = [
        place
        for topic in group.topics
        for place, value in _committed(flight, topic)
        if not is_poison(value) and place[1] < done.get(place[0], 0)
    ]
    return [place for place, count in made.items() if count > 1], [place for place in wanted if place not in made]


def _committed(flight: Flight, topic: str) -> Iterator[tuple[Place, bytes | None]]:
    """What a reader of committed records can ever get of a topic."""
    for name in flight.cluster.partitions():
        if name.topic == topic:
            batches = list(flight.cluster.log(name).batches())
            aborted = aborted_columns(batch for batch in batches if batch.is_transactional)
            for batch in batches:
                if not batch.is_control and batch.columns.written not in aborted:
                    values = batch.columns.values or [None] * batch.columns.count
                    deltas = batch.columns.offset_deltas or range(batch.columns.count)
                    yield from (
                        ((name, batch.base_offset + delta), value) for delta, value in zip(deltas, values, strict=False)
                    )
