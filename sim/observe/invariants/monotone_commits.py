"""The committed offsets of a group go forward, and none that was acknowledged is forgotten."""

from collections.abc import Iterator

from sim.observe.invariants.checker import Checker, Violations
from sim.observe.invariants.losses import Losses
from sim.observe.invariants.sighting import Sighting
from sim.observe.invariants.violation import InvariantViolation
from sim.rules.facts.group import CommitAccepted, OffsetsForgotten
from sim.rules.facts.journal import GroupChanged, OffsetsCommitted
from sim.rules.groups.coordinator import OFFSETS_TOPIC, partition_for_group
from sim.rules.topics import TopicPartition

__all__ = ["MonotoneCommits"]

OUTSIDE = -1
Commit = tuple[int, int]
"""An offset and the generation, or member epoch, of who has committed it."""

NOTHING: Commit = (-1, OUTSIDE)
"""Before the first commit."""


class MonotoneCommits(Checker):
    """A committed offset goes back only when somebody who may says so, and survives its coordinator.

    Kafka stores what it is told: a member may seek and commit a lower offset, an administrator may reset a group
    without members. It must not take a commit of an older generation than that of the commit before, whose member was
    thrown out. And the next coordinator must have read the last commit that was acknowledged, or a later one that was
    not, unless an unclean election, or a loss of power, has taken it from this part of `__consumer_offsets`.
    """

    name = "monotone-commits"
    kinds = (CommitAccepted, OffsetsCommitted, OffsetsForgotten, GroupChanged)

    def __init__(self, losses: Losses) -> None:
        self._losses = losses
        self._commits: dict[str, dict[TopicPartition, list[Commit]]] = {}
        self._generations: dict[str, int] = {}
        self._losses_known: dict[tuple[int, TopicPartition], tuple[int, int]] = {}

    def heard(self, time: int, fact: object) -> Violations:
        """Note a commit when it is written, when it is acknowledged, and what ends it."""
        if isinstance(fact, CommitAccepted):
            return [*self._accepted(time, fact)]
        if isinstance(fact, OffsetsCommitted):
            self._acknowledged(fact)
        elif isinstance(fact, OffsetsForgotten):
            for name in fact.partitions:
                self._commits.get(fact.group_id, {}).pop(name, None)
        elif isinstance(fact, GroupChanged):
            self._note_generation(fact)
        return ()

    def _accepted(self, time: int, fact: CommitAccepted) -> Iterator[InvariantViolation]:
        commits = self._commits.setdefault(fact.group_id, {})
        for name, offset in fact.offsets:
            known = commits.setdefault(name, [NOTHING])
            before, generation = known[-1]
            if offset < before and OUTSIDE < fact.generation < generation:
                yield self.violation(
                    time,
                    f"{fact.group_id} {name}",
                    f"the committed offset of {name} in group {fact.group_id} goes back from {before} to {offset}, "
                    f"committed by {fact.member_id} in generation {fact.generation} after one of generation "
                    f"{generation}",
                )
            if (offset, fact.generation) != (before, generation):
                known.append((offset, fact.generation))

    def _acknowledged(self, fact: OffsetsCommitted) -> None:
        """What was committed before does not count any more."""
        commits = self._commits.get(fact.group_id, {})
        for name, offset in fact.offsets:
            known = commits.get(name, [])
            newest = next((index for index in reversed(range(len(known))) if known[index][0] == offset), 0)
            del known[:newest]

    def _note_generation(self, fact: GroupChanged) -> None:
        """A group that is founded anew counts its generations from the beginning."""
        if fact.generation < self._generations.get(fact.group_id, 0):
            for known in self._commits.get(fact.group_id, {}).values():
                known[:] = [(offset, OUTSIDE) for offset, _ in known]
        self._generations[fact.group_id] = fact.generation

    def seen(self, time: int, before: Sighting | None, now: Sighting) -> Violations:
        """Look at the offsets of a new coordinator."""
        if now.name.topic != OFFSETS_TOPIC or not now.is_leader or (before is not None and before.is_leader):
            return ()
        return [*self._load(time, now)]

    def _load(self, time: int, now: Sighting) -> Iterator[InvariantViolation]:
        count = now.broker.image.partition_counts.get(OFFSETS_TOPIC, 0)
        is_loss = self._is_loss(now)
        for group_id, commits in self._commits.items():
            if count and partition_for_group(group_id, count) == now.name.partition:
                if is_loss:
                    commits.clear()
                else:
                    yield from self._compare(time, now, group_id, commits)

    def _is_loss(self, now: Sighting) -> bool:
        """Whether the new coordinator may lack what was committed, since it last led."""
        losses = self._losses.unclean_epoch(now.name), self._losses.power_cuts(now.broker_id, now.name)
        known = self._losses_known.get((now.broker_id, now.name), (-1, 0))
        self._losses_known[now.broker_id, now.name] = losses
        return losses != known

    def _compare(
        self, time: int, now: Sighting, group_id: str, commits: dict[TopicPartition, list[Commit]]
    ) -> Iterator[InvariantViolation]:
        offsets = now.broker.groups.committed_offsets(group_id)
        if offsets is None:
            return
        for name, known in commits.items():
            loaded, committed = offsets.get(name, NOTHING[0]), known[0][0]
            if all(loaded != offset for offset, _ in known):
                has = "no offset" if name not in offsets else f"offset {loaded}"
                yield self.violation(
                    time,
                    f"{group_id} {name}",
                    f"broker {now.broker_id} takes group {group_id} over with {has} of {name} although {committed} was "
                    "committed",
                )
