"""In-sync replicas: how far they hold the high watermark back, and proposals that race with the metadata log."""

from dataclasses import replace

from sim.actors.broker.partition import Partition
from sim.machine.clock import MILLISECOND
from sim.rules.config import TopicConfig
from sim.rules.controller.election import PartitionRegistration
from sim.rules.controller.metadata import PartitionChange
from sim.rules.errors import ErrorCode
from sim.rules.facts.journal import IsrChanged, LeaderElected
from sim.rules.protocol.controller import AlterPartitionRequest
from sim.rules.protocol.messages import ProduceRequest
from sim.rules.replication.alter_partition import ProposedIsr
from sim.rules.storage.batch import RecordBatch, RecordColumns
from sim.rules.storage.log import AppendResult, Log
from sim.rules.storage.offset_lookup import EARLIEST_TIMESTAMP, LATEST_TIMESTAMP, FoundOffset
from tests.actors.flights import P, Probe, Source, Story


def partition_of_three(isr: tuple[int, ...] = (1, 2, 3), minimum: int = 1) -> Partition:
    """Broker 1's replica, leading epoch 0, with ten records that nobody has fetched."""
    config = TopicConfig.of({"min.insync.replicas": minimum})
    partition = Partition(P, 1, Log(), config, 30_000, lambda _: 0, 0)
    partition.lead(PartitionRegistration((1, 2, 3), isr, 1), 0)
    result = partition.append(RecordBatch(RecordColumns.of([0] * 10, None, [b""] * 10)), 1, 0)
    assert isinstance(result, AppendResult)
    return partition


def fetches(partition: Partition, broker_id: int, offset: int, now_ms: int = 0) -> None:
    if partition.follower_fetched(broker_id, offset, now_ms, 0):
        partition.advance_high_watermark(now_ms)


def test_watermark_is_that_of_the_slowest_member() -> None:
    partition = partition_of_three()
    for broker_id, offset, expected in ((2, 10, 0), (3, 4, 4), (3, 10, 10)):
        fetches(partition, broker_id, offset)
        assert partition.high_watermark.value == expected


def test_pending_member_holds_the_watermark_back_before_it_is_confirmed() -> None:
    partition = partition_of_three((1, 2))
    fetches(partition, 3, 2, 40_000)
    assert partition.may_expand(3)
    partition.propose_isr((1, 2, 3), 0)
    assert not partition.may_expand(3)
    assert partition.maximal_isr == (1, 2, 3)
    fetches(partition, 2, 10, 100_000)
    assert partition.high_watermark.value == 2
    partition.forget_proposal()
    partition.advance_high_watermark(100_000)
    assert partition.high_watermark.value == 10


def test_leaving_member_counts_until_the_controller_has_confirmed() -> None:
    partition = partition_of_three()
    fetches(partition, 2, 10, 31_000)
    assert partition.out_of_sync(31_000) == (3,)
    partition.propose_isr((1, 2), 0)
    partition.advance_high_watermark(31_000)
    assert partition.out_of_sync(31_000) == ()
    assert partition.high_watermark.value == 0
    partition.isr_confirmed((1, 2), 1, 31_000)
    assert partition.high_watermark.value == 10
    assert partition.isr == (1, 2)


def test_watermark_stands_still_below_the_minimum() -> None:
    partition = partition_of_three((1,), minimum=2)
    fetches(partition, 2, 10)
    assert partition.high_watermark.value == 0
    partition.isr_confirmed((1, 2), 1, 0)
    assert partition.high_watermark.value == 10


def test_stale_answer_of_the_controller_does_not_undo_newer_metadata() -> None:
    partition = partition_of_three()
    partition.propose_isr((1, 2), 0)
    partition.lead(PartitionRegistration((1, 2, 3), (1,), 1, 0, 2), 0)
    assert partition.proposal is None
    assert partition.high_watermark.value == 10
    partition.isr_confirmed((1, 2), 1, 0)
    assert partition.isr == (1,)
    assert partition.registration.partition_epoch == 2


def test_metadata_older_than_the_controllers_answer_is_skipped() -> None:
    story = Story(4)
    replicas = story.broker(story.first_leader).replicas
    partition = replicas.partitions[P]
    before = partition.registration
    partition.isr_confirmed((story.first_leader,), 1, 0)
    replicas.apply([PartitionChange(P, before)])
    assert partition.isr == (story.first_leader,)
    replicas.apply([PartitionChange(P, replace(before, partition_epoch=1))])
    assert partition.isr == before.isr


def test_member_of_unknown_epoch_is_proposed_without_one() -> None:
    partition = partition_of_three((1, 2))
    partition.followers.alive_epoch = lambda _: 7
    partition.follower_fetched(3, 10, 0, 7)
    assert partition.propose_isr((1, 2, 3), 5) == ProposedIsr(0, 0, (1, 2, 3), (5, -1, 7))


def test_follower_takes_the_leaders_watermark_within_its_own_log_even_downwards() -> None:
    partition = partition_of_three()
    partition.follow(PartitionRegistration((1, 2, 3), (1, 2, 3), 2, 1, 1))
    for told, expected in ((8, 8), (30, 10), (4, 4)):
        partition.take_high_watermark(told)
        assert partition.high_watermark.value == expected


def test_new_leader_answers_no_latest_offset_before_its_epoch_is_committed() -> None:
    partition = partition_of_three()
    assert partition.offset_for(LATEST_TIMESTAMP) == FoundOffset(0, -1, 0)
    partition.lead(PartitionRegistration((1, 2, 3), (1, 2, 3), 1, 2, 2), 0)
    assert partition.offset_for(LATEST_TIMESTAMP) is ErrorCode.OFFSET_NOT_AVAILABLE
    assert partition.offset_for(EARLIEST_TIMESTAMP) == FoundOffset(0)
    for broker_id in (2, 3):
        fetches(partition, broker_id, 10)
    assert partition.offset_for(LATEST_TIMESTAMP) == FoundOffset(10, -1, 2)


def test_second_proposal_while_the_first_is_under_way_is_not_attempted() -> None:
    story = Story(1)
    story.fly(1)
    leader = story.broker(story.first_leader)
    partition = leader.replicas.partitions[P]
    first, second = story.followers
    leader.isr.expand(partition, first)
    sent = partition.proposal
    assert sent is not None
    partition.forget_proposal()
    leader.isr.expand(partition, second)
    assert partition.proposal is None
    story.fly(2)
    assert partition.isr == story.cluster.controller.image.partitions[P].isr
    assert partition.proposal is None


def test_proposals_of_many_partitions_travel_together() -> None:
    story = Story(2, broker_config={"offsets.topic.num.partitions": 30})
    dead = story.first_leader
    story.at(5.3, story.broker(dead).stop)
    story.at(20.3, story.broker(dead).start)
    story.fly(20)
    asked: list[int] = []
    story.overhear(story.cluster.controller, AlterPartitionRequest, asked)
    story.fly(30)
    assert all(set(r.isr) == {1, 2, 3} for r in story.cluster.controller.image.partitions.values())
    assert len(story.when(IsrChanged, 20)) == 31
    assert len(asked) <= 6


def test_watermark_never_passes_the_slowest_member_of_the_isr() -> None:
    """Looked at every 3 ms, with one follower far away and acknowledgements under way all the time."""
    source = Source(4, 4, acks="all")
    story = Story(3, {"source": source})
    far = story.broker(story.followers[0]).host
    link = story.machine.network.link(far.name, far.rack)
    link.latency, link.jitter = 5 * MILLISECOND, 10 * MILLISECOND
    story.machine.network.set_up(far.name, far.rack, True)
    while story.now_s < 4.5:
        story.fly(story.now_s + 0.003)
    assert len(source.acknowledged) == len(source.deliveries) > 600
    assert story.logs_agree()


def test_follower_that_knows_of_a_leader_before_that_one_does_leaves_it_alone_for_a_second() -> None:
    """The new leader hangs for a moment at its election; the first fetch tells it of an epoch that it does not know."""

    def begun() -> Story:
        story = Story(5)
        story.at(5.3, story.broker(story.first_leader).stop)
        return story

    rehearsal = begun()
    rehearsal.fly(17)
    (elected,) = rehearsal.when(LeaderElected, 5.3, partition=P)
    story = begun()
    leader = rehearsal.cluster.controller.image.leader(P)
    (follower,) = {*story.followers} - {leader}
    story.at(elected - 0.1, story.broker(leader).pause)
    story.at(elected + 0.4, story.broker(leader).resume)
    story.fly(elected + 0.5)
    probe = Probe(story)
    record = RecordBatch(RecordColumns.of([0], None, [b"1"]))
    assert probe.ask(leader, ProduceRequest(1, 1000, [(P, record)]), wait_s=0.1)
    story.fly(elected + 1.35)
    assert story.numbers(follower) == []
    story.fly(elected + 1.7)
    assert story.numbers(follower) == [1]
