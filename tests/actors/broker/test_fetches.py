"""Fetch sessions, long polls and what a fetch is refused for, asked with single requests."""

from collections.abc import Mapping
from dataclasses import replace

from sim.rules.errors import ErrorCode
from sim.rules.facts.journal import IsrChanged
from sim.rules.protocol.messages import (
    FetchData,
    FetchPartition,
    FetchRequest,
    FetchResponse,
    ListOffsetsRequest,
    ListOffsetsResponse,
    Message,
    ProduceRequest,
    ProduceResponse,
)
from sim.rules.storage.batch import RecordBatch, RecordColumns
from sim.rules.storage.offset_lookup import LATEST_TIMESTAMP, FoundOffset
from sim.rules.topics import TopicPartition
from sim.world.topics import Topic
from tests.actors.flights import P, Probe, Sink, Source, Story, seconds

UNKNOWN = TopicPartition("nowhere", 0)


def fetch(
    session_id: int = 0,
    epoch: int = 0,
    wanted: Mapping[TopicPartition, FetchPartition] | None = None,
    min_bytes: int = 1,
    wait_ms: int = 500,
    forgotten: tuple[TopicPartition, ...] = (),
) -> FetchRequest:
    """A consumer's fetch."""
    return FetchRequest(-1, session_id, epoch, wait_ms, min_bytes, 1 << 20, dict(wanted or {}), forgotten)


def at(offset: int, epoch: int = -1) -> Mapping[TopicPartition, FetchPartition]:
    return {P: FetchPartition(offset, 1 << 20, epoch)}


def batch(size: int = 100) -> RecordBatch:
    return RecordBatch(RecordColumns.of([0], None, [b"x" * size]))


def fetched(answers: list[Message]) -> FetchResponse:
    (answer,) = answers
    assert isinstance(answer, FetchResponse)
    return answer


def data(answers: list[Message]) -> FetchData:
    return fetched(answers).partitions[P]


def written(story: Story, probe: Probe, count: int, acks: int = -1) -> None:
    for _ in range(count):
        (answer,) = probe.ask(story.first_leader, ProduceRequest(acks, 30_000, [(P, batch())]), wait_s=0.1)
        assert isinstance(answer, ProduceResponse)


def test_session_is_known_by_id_and_epoch_and_tells_only_news() -> None:
    story = Story(1)
    probe, leader = Probe(story), story.first_leader
    written(story, probe, 3)
    opened = fetched(probe.ask(leader, fetch(wanted=at(0))))
    assert opened.session_id > 0
    assert len(opened.partitions[P].batches) == 3
    session_id = opened.session_id
    assert fetched(probe.ask(leader, fetch(session_id, 2))).error is ErrorCode.INVALID_FETCH_SESSION_EPOCH
    assert fetched(probe.ask(leader, fetch(session_id + 7, 1))).error is ErrorCode.FETCH_SESSION_ID_NOT_FOUND
    assert fetched(probe.ask(leader, fetch(session_id, 1, at(3)))).partitions == {}
    written(story, probe, 1)
    assert [b.base_offset for b in data(probe.ask(leader, fetch(session_id, 2))).batches] == [3]
    written(story, probe, 1)
    later = fetched(probe.ask(leader, fetch(session_id, 3, forgotten=(P,))))
    assert later.partitions == {}
    assert later.session_id == 0
    assert fetched(probe.ask(leader, fetch(session_id, 4))).error is ErrorCode.FETCH_SESSION_ID_NOT_FOUND


def test_who_asks_again_from_the_same_offset_gets_the_same_data_again() -> None:
    story = Story(1)
    probe, leader = Probe(story), story.first_leader
    written(story, probe, 3)
    session_id = fetched(probe.ask(leader, fetch(wanted=at(1)))).session_id
    for epoch in (1, 2):
        assert [b.base_offset for b in data(probe.ask(leader, fetch(session_id, epoch))).batches] == [1, 2]
    assert fetched(probe.ask(leader, fetch(session_id, 3, at(3)))).partitions == {}


def test_a_partition_that_was_refused_is_looked_at_again_though_nothing_new_is_asked() -> None:
    """The client knows of a newer epoch than the broker at first, and asks the same again."""
    story = Story(1)
    probe, leader = Probe(story), story.first_leader
    written(story, probe, 2)
    epoch = story.cluster.controller.image.partitions[P].leader_epoch
    partition = story.broker(leader).replicas.partitions[P]
    known, partition.registration = partition.registration, replace(partition.registration, leader_epoch=epoch - 1)
    first = fetched(probe.ask(leader, fetch(wanted=at(0, epoch))))
    assert first.partitions[P].error is ErrorCode.UNKNOWN_LEADER_EPOCH
    partition.registration = known
    assert [b.base_offset for b in data(probe.ask(leader, fetch(first.session_id, 1))).batches] == [0, 1]


def test_full_fetch_closes_the_session_that_it_names() -> None:
    story = Story(1)
    probe, leader = Probe(story), story.first_leader
    story.fly(2)
    count = story.broker(leader).fetches.session_count()
    first = fetched(probe.ask(leader, fetch(wanted=at(0)))).session_id
    second = fetched(probe.ask(leader, fetch(first, 0, wanted=at(0)))).session_id
    assert second != first
    assert story.broker(leader).fetches.session_count() == count + 1


def test_sessions_of_dead_clients_are_forgotten() -> None:
    sink = Sink()
    story = Story(2, {"source": Source(100, 40), "sink": sink})
    story.fly(6)
    leader = story.broker(story.first_leader)
    count = leader.fetches.session_count()
    for _ in range(5):
        story.cluster.apps["sink"].stop()
        story.cluster.apps["sink"].start()
        story.fly(story.now_s + 1)
    for _ in range(3):
        story.broker(story.followers[0]).stop()
        story.broker(story.followers[0]).start()
        story.fly(story.now_s + 5)
    assert leader.fetches.session_count() <= count
    assert len(leader.replicas.partitions[P].replicators) == 2
    assert len(leader.replicas.partitions[P].consumers) <= 1


def test_long_poll_ends_with_enough_bytes_or_when_its_time_is_up() -> None:
    story = Story(3)
    probe, leader = Probe(story), story.first_leader
    waiting, writer = Probe(story, "waiting"), Probe(story, "writer")
    begun = story.now_s
    size = batch().size_bytes
    answers = waiting.ask(leader, fetch(wanted=at(0), min_bytes=2 * size, wait_ms=5000), wait_s=0.1)
    written(story, writer, 1)
    story.fly(begun + 2)
    assert answers == []
    written(story, writer, 1)
    assert len(data(answers).batches) == 2
    assert seconds(int(story.machine.clock.now)) < begun + 2.2
    answers = waiting.ask(leader, fetch(wanted=at(2), min_bytes=2 * size, wait_ms=1500), wait_s=0.1)
    written(story, writer, 1)
    story.fly(story.now_s + 1)
    assert answers == []
    story.fly(story.now_s + 0.5)
    assert len(data(answers).batches) == 1
    assert data(probe.ask(leader, fetch(wanted=at(0), min_bytes=0))).size_bytes == 3 * size


def test_partition_that_found_no_room_in_a_response_comes_with_the_next() -> None:
    story = Story(3, more_topics=[Topic("wide", 6, 3)])
    probe, leader = Probe(story), story.first_leader
    partitions = story.cluster.controller.image.partitions
    wide = {name: registration for name, registration in partitions.items() if name.topic == "wide"}
    other = next(name for name, registration in wide.items() if registration.leader == leader)
    probe.ask(leader, ProduceRequest(-1, 30_000, [(P, batch()), (other, batch())]))
    wanted = {name: FetchPartition(0, 1 << 20) for name in (P, other)}
    small = fetched(probe.ask(leader, FetchRequest(-1, 0, 0, 500, 1, 1, wanted)))
    assert [name for name, found in small.partitions.items() if found.batches] == [P]
    rest = fetched(probe.ask(leader, FetchRequest(-1, small.session_id, 1, 500, 1, 1, dict(at(1)))))
    assert [name for name, found in rest.partitions.items() if found.batches] == [other]


def test_parked_fetch_of_a_deposed_leader_is_answered_with_the_new_one() -> None:
    story = Story(4)
    old, probe = story.first_leader, Probe(story)
    story.broker(old).pause()
    story.fly(14)
    story.broker(old).resume()
    answers = probe.ask(old, fetch(wanted=at(0, 0), wait_ms=30_000), wait_s=1)
    refused = data(answers)
    image = story.cluster.controller.image.partitions[P]
    assert refused.error is ErrorCode.FENCED_LEADER_EPOCH
    assert (refused.leader_id, refused.leader_epoch) == (image.leader, 1)
    assert image.leader != old


def test_fetch_is_refused_for_the_wrong_epoch_place_or_offset() -> None:
    story = Story(5)
    probe, leader = Probe(story), story.first_leader
    written(story, probe, 2)
    assert data(probe.ask(leader, fetch(wanted=at(0, 1)))).error is ErrorCode.UNKNOWN_LEADER_EPOCH
    assert data(probe.ask(leader, fetch(wanted=at(3, 0)))).error is ErrorCode.OFFSET_OUT_OF_RANGE
    one, other = story.followers
    assert data(probe.ask(one, fetch(wanted=at(0, 0)))).high_watermark == 2, "consumers may read from followers"
    elsewhere = data(probe.ask(one, FetchRequest(other, 0, 0, 0, 1, 1 << 20, dict(at(2, 0)), (), 0)))
    assert elsewhere.error is ErrorCode.NOT_LEADER_OR_FOLLOWER
    assert elsewhere.leader_id == leader
    nowhere = fetched(probe.ask(leader, fetch(wanted={UNKNOWN: FetchPartition(0, 100)})))
    assert nowhere.partitions[UNKNOWN].error is ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    story.broker(leader).pause()
    story.fly(story.now_s + 13)
    successor = story.cluster.controller.image.leader(P)
    fenced = data(probe.ask(successor, fetch(wanted=at(0, 0))))
    assert fenced.error is ErrorCode.FENCED_LEADER_EPOCH
    assert (fenced.leader_id, fenced.leader_epoch) == (successor, 1)


def test_consumer_reads_to_the_high_watermark_and_a_follower_to_the_end() -> None:
    story = Story(6)
    probe, leader = Probe(story), story.first_leader
    written(story, probe, 2)
    for follower in story.followers:
        story.broker(follower).pause()
    written(story, probe, 2, acks=1)
    assert [b.base_offset for b in data(probe.ask(leader, fetch(wanted=at(0), wait_ms=0))).batches] == [0, 1]
    as_follower = FetchRequest(story.followers[0], 0, 0, 0, 1, 1 << 20, dict(at(2, 0)), (), 0)
    answer = data(probe.ask(leader, as_follower))
    assert [b.base_offset for b in answer.batches] == [2, 3]
    assert answer.high_watermark == 2
    listed = probe.ask(leader, ListOffsetsRequest({P: LATEST_TIMESTAMP}))
    assert listed == [ListOffsetsResponse({P: FoundOffset(2, -1, 0)})]


def test_diverging_fetch_acknowledges_nothing() -> None:
    """A follower outside the ISR whose log ends elsewhere is told to cut it; it does not join, nor count."""
    story = Story(7)
    slow, probe = story.followers[0], Probe(story)
    story.broker(slow).pause()
    story.fly(13)
    assert slow not in story.isr()
    written(story, probe, 3)
    leader = story.broker(story.first_leader).replicas.partitions[P]
    before = leader.followers[slow].log_end_offset
    stray = FetchRequest(slow, 0, 0, 0, 1, 1 << 20, {P: FetchPartition(9, 1 << 20, 0, 0)}, (), -1)
    answer = data(probe.ask(story.first_leader, stray))
    assert answer.diverging_epoch == (0, 3)
    assert answer.batches == []
    assert leader.followers[slow].log_end_offset == before
    assert leader.proposal is None
    assert slow not in leader.isr


def test_fetch_of_an_earlier_life_of_a_broker_does_not_count() -> None:
    story = Story(8)
    reborn, probe = story.followers[0], Probe(story)
    story.broker(reborn).stop()
    story.fly(12)
    story.broker(reborn).start()
    story.fly(17)
    epoch = story.broker(reborn).epoch
    assert epoch > 0
    assert reborn in story.isr()
    for replica_epoch, error in ((epoch - 1, ErrorCode.NOT_LEADER_OR_FOLLOWER), (epoch, ErrorCode.NONE)):
        request = FetchRequest(reborn, 0, 0, 0, 0, 1 << 20, dict(at(0, 0)), (), replica_epoch)
        assert data(probe.ask(story.first_leader, request)).error is error


def test_follower_is_told_the_watermark_before_its_own_fetch() -> None:
    """So that its own watermark is one round behind the leader's."""
    story = Story(9)
    probe = Probe(story)
    story.fly(2)
    other = story.followers[1]
    story.broker(story.followers[0]).pause()
    story.broker(other).pause()
    written(story, probe, 1, acks=1)
    story.fly(13)
    assert story.isr() == {story.first_leader}
    assert len(story.when(IsrChanged, partition=P)) == 2
    story.broker(other).resume()
    story.fly(15)
    leader = story.broker(story.first_leader).replicas.partitions[P]
    assert leader.high_watermark.value == 1
    assert story.isr() == {story.first_leader, other}
    assert story.broker(other).replicas.partitions[P].high_watermark.value == 1
