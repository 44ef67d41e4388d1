"""Each checker by itself, on replicas and facts made by hand."""

import pytest

from sim.observe.invariants.committed_prefix import CommittedPrefix
from sim.observe.invariants.high_watermark import MonotoneHighWatermark
from sim.observe.invariants.isr_holds_watermark import IsrHoldsWatermark
from sim.observe.invariants.leaders import LeaderInSync, OneLeaderPerEpoch
from sim.observe.invariants.losses import Losses
from sim.observe.invariants.monotone_commits import MonotoneCommits
from sim.observe.invariants.offsets_in_order import OffsetsInOrder
from sim.observe.invariants.one_owner import OneOwner
from sim.observe.invariants.sighting import Sighting
from sim.rules.controller.election import RECOVERING, PartitionRegistration
from sim.rules.facts.group import CommitAccepted, OffsetsForgotten
from sim.rules.facts.journal import GroupChanged, LeaderElected, MemberRemoved, OffsetsCommitted, PartitionsAssigned
from sim.rules.facts.storage import LogCleaned, UnflushedLost
from sim.rules.groups.coordinator import OFFSETS_TOPIC, partition_for_group
from sim.rules.storage.batch import RecordBatch, RecordColumns
from sim.rules.topics import TopicPartition
from sim.world.flight import Flight
from sim.world.plan import Plan
from sim.world.topics import Topic
from tests.actors.flights import P

NOW = 12_431_000_000
OTHER = TopicPartition("payments", 1)


class Desk:
    """A started cluster with one partition of three replicas, whose logs are written by hand."""

    def __init__(self) -> None:
        self.flight = Flight(Plan(duration=0, topics=(Topic(P.topic, 1, 3),)), seed=0)
        self.flight.cluster.start()
        self.brokers = self.flight.cluster.brokers

    def write(self, *broker_ids: int, epoch: int = 0, count: int = 2) -> None:
        """One more batch at the end of these brokers' logs, the same for all."""
        columns = RecordColumns.of([0] * count, [b"k"] * count, [b"v"] * count)
        for broker_id in broker_ids:
            self.brokers[broker_id].storage[P].append_as_leader(RecordBatch(columns), epoch)

    def replica(
        self,
        broker_id: int,
        leader: int,
        epoch: int = 0,
        watermark: int = 0,
        isr: tuple[int, ...] = (1, 2, 3),
        state: str = "RECOVERED",
    ) -> Sighting:
        """A replica as its broker would act on it."""
        broker = self.brokers[broker_id]
        partition = broker.replicas.partitions[P]
        registration = PartitionRegistration((1, 2, 3), isr, leader, epoch, leader_recovery_state=state)
        seen = Sighting.of(broker, partition, (P, 0))
        return seen._replace(registration=registration, high_watermark=watermark, is_leader=leader == broker_id)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_leaders_watermark_may_rise_but_not_fall(desk: Desk) -> None:
    high, low = (desk.replica(1, 1, watermark=value) for value in (8, 5))
    assert MonotoneHighWatermark().seen(NOW, low, high) == ()
    (found,) = MonotoneHighWatermark().seen(NOW, high, low)
    assert (found.time, found.name, found.subject) == (NOW, "monotone-high-watermark", "payments-0")
    assert found.sentence == (
        "at 12.431 s the high watermark of payments-0 falls from 8 to 5 on broker 1, which leads it at epoch 0"
    )


def test_a_followers_watermark_and_that_of_a_new_process_may_fall(desk: Desk) -> None:
    checker = MonotoneHighWatermark()
    assert checker.seen(NOW, desk.replica(1, 2, watermark=8), desk.replica(1, 2, watermark=5)) == ()
    assert checker.seen(NOW, desk.replica(1, 2, watermark=8), desk.replica(1, 1, 1, watermark=5)) == ()
    assert checker.seen(NOW, None, desk.replica(1, 1, watermark=0)) == ()


def test_an_epoch_has_one_leader(desk: Desk) -> None:
    checker = OneLeaderPerEpoch()
    assert checker.seen(NOW, None, desk.replica(1, 1, 4)) == ()
    assert checker.seen(NOW, None, desk.replica(2, 1, 4)) == ()
    assert checker.seen(NOW, None, desk.replica(2, 2, 5)) == ()
    (found,) = checker.seen(NOW, None, desk.replica(2, 2, 4))
    assert (
        found.sentence
        == "at 12.431 s broker 2 leads payments-0 at epoch 4 although broker 1 leads it at the same epoch"
    )


def test_a_topic_that_is_made_again_counts_its_epochs_anew(desk: Desk) -> None:
    checker = OneLeaderPerEpoch()
    assert checker.seen(NOW, None, desk.replica(1, 1, 4)) == ()
    assert checker.seen(NOW, None, desk.replica(2, 2, 4)._replace(identity=(P, 77))) == ()


def test_a_leader_is_in_its_isr_unless_it_recovers(desk: Desk) -> None:
    checker = LeaderInSync()
    assert checker.seen(NOW, None, desk.replica(1, 1)) == ()
    assert checker.seen(NOW, None, desk.replica(1, 1, isr=(2, 3), state=RECOVERING)) == ()
    (found,) = checker.seen(NOW, None, desk.replica(1, 1, isr=(2, 3)))
    assert found.sentence == "at 12.431 s broker 1 leads payments-0 at epoch 0 outside of the ISR [2, 3]"


@pytest.mark.parametrize(
    ("log_start", "watermark", "log_end", "fine"),
    [(0, 0, 0, True), (3, 5, 9, True), (6, 5, 9, False), (0, 10, 9, False)],
)
def test_offsets_stand_in_their_order(desk: Desk, log_start: int, watermark: int, log_end: int, fine: bool) -> None:
    seen = desk.replica(1, 1)._replace(log_start_offset=log_start, high_watermark=watermark, log_end_offset=log_end)
    assert (len(OffsetsInOrder().seen(NOW, None, seen)) == 0) is fine


def test_every_member_of_the_isr_holds_the_watermark(desk: Desk) -> None:
    desk.write(1, 2)
    checker = IsrHoldsWatermark(desk.brokers, Losses())
    assert not checker.seen(NOW, None, desk.replica(1, 1, watermark=2, isr=(1, 2)))
    (found,) = checker.seen(NOW, None, desk.replica(1, 1, watermark=2))
    assert found.sentence == (
        "at 12.431 s broker 3 is in the ISR of payments-0 with a log that ends at 0 although broker 1, which leads it "
        "at epoch 0, has announced the high watermark 2"
    )


def test_a_member_that_has_lost_its_power_is_excused(desk: Desk) -> None:
    desk.write(1, 2)
    losses = Losses()
    losses.heard(NOW, UnflushedLost(3, P, 2, 0))
    checker = IsrHoldsWatermark(desk.brokers, losses)
    assert not checker.seen(NOW, None, desk.replica(1, 1, watermark=2))
    desk.write(1, 2)
    desk.write(3)
    assert [found.subject for found in checker.seen(NOW, None, desk.replica(1, 1, watermark=4))] == ["payments-0"]


def committed(desk: Desk, losses: Losses | None = None) -> CommittedPrefix:
    """Three batches that broker 1 has committed at epoch 0; broker 2 has them all, broker 3 the first."""
    checker = CommittedPrefix(losses or Losses())
    desk.write(1, 2, 3)
    desk.write(1, 2)
    desk.write(1, 2)
    assert checker.seen(NOW, None, desk.replica(1, 1)) == []
    assert checker.seen(NOW, desk.replica(1, 1), desk.replica(1, 1, watermark=6)) == []
    return checker


def test_a_later_leader_has_what_was_committed(desk: Desk) -> None:
    assert committed(desk).seen(NOW, None, desk.replica(2, 2, 1, watermark=2)) == []


def test_a_later_leader_without_what_was_committed_is_found(desk: Desk) -> None:
    (found,) = committed(desk).seen(NOW, None, desk.replica(3, 3, 1))
    assert found.sentence == (
        "at 12.431 s broker 3 leads payments-0 at epoch 1 without the records that were committed at offset 2; the "
        "high watermark was 6, announced by broker 1 at epoch 0"
    )


def test_a_leader_that_cuts_its_own_log_is_found(desk: Desk) -> None:
    checker = committed(desk)
    desk.brokers[1].storage[P].truncate_to(4)
    (found,) = checker.seen(NOW, desk.replica(1, 1, watermark=6), desk.replica(1, 1, watermark=4))
    assert "committed at offset 4" in found.sentence


def test_other_records_at_the_same_offset_are_found(desk: Desk) -> None:
    checker = committed(desk)
    desk.write(3, epoch=1, count=4)
    (found,) = checker.seen(NOW, None, desk.replica(3, 3, 1))
    assert "committed at offset 2" in found.sentence


def test_retention_and_compaction_may_take_committed_batches_away(desk: Desk) -> None:
    checker = committed(desk)
    log = desk.brokers[2].storage[P]
    log.log_start_offset = 2
    assert checker.seen(NOW, None, desk.replica(2, 2, 1)) == []
    batches = log.segments[0].batches
    part = log.segments[0].newest
    del batches[1], part.base_offsets[1], part.positions[1]
    checker.heard(NOW, LogCleaned(2, P, 0, 4, 3, 2, ()))
    assert checker.seen(NOW, None, desk.replica(2, 2, 2)) == []


def test_an_unclean_election_starts_over(desk: Desk) -> None:
    losses = Losses()
    checker = committed(desk, losses)
    losses.heard(NOW, LeaderElected(P, 3, 2, True))
    assert checker.seen(NOW, desk.replica(1, 1, watermark=4), desk.replica(1, 1, watermark=6)) == []
    assert checker.seen(NOW, None, desk.replica(3, 3, 2, watermark=2)) == []
    assert checker.seen(NOW, desk.replica(3, 3, 2), desk.replica(3, 3, 2, watermark=2)) == []
    desk.brokers[2].storage[P].truncate_to(0)
    (found,) = checker.seen(NOW, None, desk.replica(2, 2, 3))
    assert found.sentence.endswith("committed at offset 0; the high watermark was 2, announced by broker 3 at epoch 2")


def test_a_leader_that_has_lost_its_power_starts_over(desk: Desk) -> None:
    losses = Losses()
    checker = committed(desk, losses)
    losses.heard(NOW, UnflushedLost(3, P, 6, 2))
    assert checker.seen(NOW, None, desk.replica(3, 3, 1)) == []
    assert checker.seen(NOW, None, desk.replica(3, 3, 2)) == []


def owner(desk: Desk) -> OneOwner:
    return OneOwner(desk.flight.cluster.apps, Losses())


def reader(desk: Desk, name: str, **config: object) -> None:
    desk.flight.visitor(name, lambda _: iter(())).consumer("readers", ["payments"], client_id=name, **config)


def assigned(client_id: str, generation: int, *partitions: TopicPartition) -> PartitionsAssigned:
    return PartitionsAssigned("readers", client_id, generation, partitions)


def test_a_partition_has_one_owner_in_a_generation(desk: Desk) -> None:
    reader(desk, "one")
    reader(desk, "two")
    checker = owner(desk)
    assert not checker.heard(NOW, assigned("one", 3, P))
    assert not checker.heard(NOW, assigned("one", 3))
    assert not checker.heard(NOW, assigned("two", 3, OTHER))
    (found,) = checker.heard(NOW, assigned("two", 3, P))
    assert found.sentence == (
        "at 12.431 s two owns payments-0 in generation 3 of group readers although one owns it in the same generation"
    )


def test_handing_over_in_the_next_generation_and_static_members_are_fine(desk: Desk) -> None:
    reader(desk, "one", group_instance_id="seat-1")
    reader(desk, "two", group_instance_id="seat-1")
    reader(desk, "three")
    checker = owner(desk)
    steps = assigned("one", 3, P), assigned("two", 3, P), assigned("two", 4), assigned("three", 5, P)
    assert [found for step in steps for found in checker.heard(NOW, step)] == []


def test_who_was_removed_may_believe_what_it_likes(desk: Desk) -> None:
    reader(desk, "one")
    reader(desk, "two")
    checker = owner(desk)
    for client_id, generation in (("one", 3), ("two", 4)):
        checker.heard(NOW, MemberRemoved("readers", "", "session timed out"))
        assert not checker.heard(NOW, assigned(client_id, generation, P))


def accepted(offset: int, generation: int) -> CommitAccepted:
    return CommitAccepted("readers", "reader-1", generation, ((P, offset),))


def test_only_an_older_generation_must_not_put_a_commit_back() -> None:
    checker = MonotoneCommits(Losses())
    for commit in (accepted(10, 3), accepted(20, 4), accepted(15, 4), accepted(5, -1), accepted(30, 5)):
        assert not checker.heard(NOW, commit)
    (found,) = checker.heard(NOW, accepted(25, 4))
    assert found.sentence == (
        "at 12.431 s the committed offset of payments-0 in group readers goes back from 30 to 25, committed by "
        "reader-1 in generation 4 after one of generation 5"
    )


def test_a_group_that_is_founded_anew_begins_with_generation_one() -> None:
    checker = MonotoneCommits(Losses())
    for fact in (GroupChanged("readers", "Stable", 9, 1), accepted(10, 9), GroupChanged("readers", "Stable", 1, 1)):
        assert not checker.heard(NOW, fact)
    assert not checker.heard(NOW, accepted(5, 1))


def test_the_next_coordinator_knows_the_last_commit_that_was_acknowledged(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    losses = Losses()
    checker = MonotoneCommits(losses)
    broker = next(broker for broker in desk.brokers.values() if broker.groups.committed_offsets("readers") is not None)
    part = TopicPartition(OFFSETS_TOPIC, partition_for_group("readers", broker.image.partition_counts[OFFSETS_TOPIC]))
    elected = Sighting.of(broker, broker.replicas.partitions[part], (part, 0))
    facts = accepted(10, 1), accepted(20, 1), OffsetsCommitted("readers", "reader-1", ((P, 20),)), accepted(30, 1)
    assert [found for fact in facts for found in checker.heard(NOW, fact)] == []

    def told(offset: int | None) -> list[str]:
        known = {} if offset is None else {P: offset}
        monkeypatch.setattr(broker.groups, "committed_offsets", lambda _: known)
        return [found.sentence for found in checker.seen(NOW, None, elected)]

    assert told(20) == told(30) == []
    takes = f"at 12.431 s broker {broker.node_id} takes group readers over with"
    assert told(10) == [f"{takes} offset 10 of payments-0 although 20 was committed"]
    assert told(None) == [f"{takes} no offset of payments-0 although 20 was committed"]
    losses.heard(NOW, LeaderElected(part, broker.node_id, 3, True))
    assert told(10) == []


def test_offsets_that_were_deleted_are_not_missed(desk: Desk) -> None:
    checker = MonotoneCommits(Losses())
    broker = next(broker for broker in desk.brokers.values() if broker.groups.committed_offsets("readers") is not None)
    part = TopicPartition(OFFSETS_TOPIC, partition_for_group("readers", broker.image.partition_counts[OFFSETS_TOPIC]))
    elected = Sighting.of(broker, broker.replicas.partitions[part], (part, 0))
    checker.heard(NOW, accepted(10, 1))
    checker.heard(NOW, OffsetsCommitted("readers", "reader-1", ((P, 10),)))
    assert len(checker.seen(NOW, None, elected)) == 1
    checker.heard(NOW, OffsetsForgotten("readers", (P,)))
    assert len(checker.seen(NOW, None, elected)) == 0
