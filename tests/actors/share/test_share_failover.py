"""What a share group keeps when brokers die, and what requests out of turn are answered."""

import pytest

from sim.actors.client.coordinator_client import error_of
from sim.actors.share.share_leader import merged_spans
from sim.rules.errors import ErrorCode
from sim.rules.facts.journal import LeaderElected
from sim.rules.groups.coordinator import OFFSETS_TOPIC, partition_for_group
from sim.rules.protocol.consumer_group import ConsumerGroupHeartbeatRequest
from sim.rules.protocol.group import OffsetCommitRequest
from sim.rules.protocol.messages import Message
from sim.rules.protocol.share_group import (
    ShareAcknowledgeRequest,
    ShareAcknowledgeResponse,
    ShareFetchLimits,
    ShareFetchRequest,
    ShareFetchResponse,
    ShareGroupHeartbeatRequest,
)
from sim.rules.share.share_acknowledgement import Acknowledgement, AcknowledgeType
from sim.rules.share.share_group_state import SHARE_GROUP_STATE_TOPIC, SharePartitionKey, partition_for_share_key
from sim.rules.share.share_in_flight import ChangedRecords
from sim.rules.share.share_records import RecordState
from sim.rules.topics import TopicPartition
from tests.actors.broker.test_transaction_markers import Transactions
from tests.actors.flights import P, Probe, Source
from tests.actors.sharing import GROUP, Sharer, Sharing

LIMITS = ShareFetchLimits(max_wait_ms=0)


def state_partition(sharing: Sharing) -> TopicPartition:
    """Where the group's state of the partition is kept."""
    count = sharing.story.cluster.controller.image.partition_counts[SHARE_GROUP_STATE_TOPIC]
    return TopicPartition(SHARE_GROUP_STATE_TOPIC, partition_for_share_key(SharePartitionKey(GROUP, P), count))


def test_a_new_leader_of_the_partition_goes_on_where_the_old_one_was() -> None:
    members = {"a": Sharer(work_ms=100), "b": Sharer(work_ms=100)}
    sharing = Sharing(members, Source(10, 25))
    sharing.story.at(10.05, sharing.story.broker(sharing.story.first_leader).stop)
    sharing.fly(30)
    (elected_s,) = sharing.story.when(LeaderElected, after_s=10, partition=P)
    got = [*members["a"].got, *members["b"].got]
    again = {record.offset for time, record in got if time > elected_s} & {r.offset for t, r in got if t < elected_s}
    assert {record.offset for _, record in got} == set(range(sharing.log_end()))
    assert 0 <= len(again) <= 20
    assert min(record.offset for time, record in got if time > elected_s) > 950
    assert sharing.start_offset() == sharing.log_end()


def test_a_state_survives_the_death_of_the_broker_that_keeps_it() -> None:
    member = Sharer(work_ms=50)
    sharing = Sharing({"a": member}, Source(10, 25))
    sharing.fly(9)
    image = sharing.story.cluster.controller.image
    keeper = image.leader(state_partition(sharing))
    assert keeper > 0
    sharing.story.broker(keeper).stop()
    sharing.fly(45)
    assert set(member.offsets) == set(range(sharing.log_end()))
    assert sharing.start_offset() == sharing.log_end()
    assert sharing.story.cluster.controller.image.leader(state_partition(sharing)) not in (keeper, -1)


def fetch(epoch: int, member: str = "m", **more: object) -> ShareFetchRequest:
    return ShareFetchRequest(GROUP, member, epoch, LIMITS, **more)  # type: ignore[arg-type]


def accept(first: int, last: int, *types: AcknowledgeType) -> dict[TopicPartition, list[Acknowledgement]]:
    return {P: [Acknowledgement(first, last, types or (AcknowledgeType.ACCEPT,))]}


class Talk:
    """Bare requests to the partition's leader, after the group has got its state."""

    def __init__(self) -> None:
        self.sharing = Sharing({"a": Sharer(stop_s=6)}, Source(10, 1)).fly(8)
        self.story = self.sharing.story
        more = Source(10, 9, first=100)
        self.story.cluster.app("more", more, {}).start()
        self.story.fly(9)
        self.probe = Probe(self.story)

    def ask(self, *bodies: Message) -> list[Message]:
        """One after the other."""
        return self.probe.ask(self.story.first_leader, *bodies)


def test_sessions_have_epochs_and_end() -> None:
    answers = Talk().ask(
        fetch(1),
        fetch(0, added=(P,), acknowledgements=accept(0, 0)),
        ShareAcknowledgeRequest(GROUP, "m", 0),
        fetch(0, added=(P,)),
        fetch(2),
        fetch(1),
        ShareAcknowledgeRequest(GROUP, "m", 2),
        ShareAcknowledgeRequest(GROUP, "m", -1),
        ShareAcknowledgeRequest(GROUP, "m", 3),
    )
    assert [error_of(answer) for answer in answers] == [
        ErrorCode.SHARE_SESSION_NOT_FOUND,
        ErrorCode.INVALID_REQUEST,
        ErrorCode.INVALID_SHARE_SESSION_EPOCH,
        ErrorCode.NONE,
        ErrorCode.INVALID_SHARE_SESSION_EPOCH,
        ErrorCode.NONE,
        ErrorCode.NONE,
        ErrorCode.NONE,
        ErrorCode.SHARE_SESSION_NOT_FOUND,
    ]


def test_records_are_fetched_acknowledged_and_given_back_at_the_end_of_a_session() -> None:
    talk = Talk()
    fetched, first, other, refused, unexpected = talk.ask(
        fetch(0, added=(P,)),
        ShareAcknowledgeRequest(GROUP, "m", 1, accept(105, 109)),
        fetch(0, member="n", added=(P,)),
        ShareAcknowledgeRequest(GROUP, "m", 2, accept(105, 105)),
        ShareAcknowledgeRequest(GROUP, "m", 3, accept(110, 110, AcknowledgeType.RENEW)),
    )
    assert isinstance(fetched, ShareFetchResponse)
    assert sum(last - first + 1 for first, last, _ in fetched.partitions[P].acquired) == 100
    assert fetched.acquisition_lock_timeout_ms == 30_000
    assert isinstance(first, ShareAcknowledgeResponse)
    assert first.acknowledge_errors == {P: ErrorCode.NONE}
    assert isinstance(other, ShareFetchResponse)
    assert other.partitions == {}
    assert isinstance(refused, ShareAcknowledgeResponse)
    assert refused.acknowledge_errors == {P: ErrorCode.INVALID_RECORD_STATE}
    assert isinstance(unexpected, ShareAcknowledgeResponse)
    assert unexpected.acknowledge_errors == {P: ErrorCode.INVALID_REQUEST}
    _, after = talk.ask(ShareAcknowledgeRequest(GROUP, "m", -1), fetch(1, member="n"))
    assert isinstance(after, ShareFetchResponse)
    assert {count for _, _, count in after.partitions[P].acquired} == {2}


def test_a_fetch_tells_who_leads_when_it_comes_to_the_wrong_broker() -> None:
    talk = Talk()
    (answer,) = talk.probe.ask(talk.story.followers[0], fetch(0, added=(P,)))
    assert isinstance(answer, ShareFetchResponse)
    data = answer.partitions[P]
    assert (data.error, data.leader_id) == (ErrorCode.NOT_LEADER_OR_FOLLOWER, talk.story.first_leader)


def test_a_group_is_of_one_kind() -> None:
    talk = Talk()

    def ask(group_id: str, *bodies: Message) -> list[ErrorCode]:
        coordinator = TopicPartition(OFFSETS_TOPIC, partition_for_group(group_id, 3))
        leader = talk.story.cluster.controller.image.leader(coordinator)
        return [error_of(answer) for answer in talk.probe.ask(leader, *bodies)]

    def as_consumer(group_id: str) -> ConsumerGroupHeartbeatRequest:
        return ConsumerGroupHeartbeatRequest(
            group_id, "x", 0, rebalance_timeout_ms=1, subscribed_topic_names=(P.topic,), topic_partitions=frozenset()
        )

    def as_sharer(group_id: str) -> ShareGroupHeartbeatRequest:
        return ShareGroupHeartbeatRequest(group_id, "x", 0, subscribed_topic_names=(P.topic,))

    commit = OffsetCommitRequest(GROUP, -1, "", {P: 1})
    assert ask(GROUP, as_consumer(GROUP), commit, as_sharer(GROUP)) == [
        ErrorCode.GROUP_ID_NOT_FOUND,
        ErrorCode.GROUP_ID_NOT_FOUND,
        ErrorCode.NONE,
    ]
    assert ask("other", as_consumer("other"), as_sharer("other")) == [ErrorCode.NONE, ErrorCode.GROUP_ID_NOT_FOUND]


def test_neighbours_are_told_as_one() -> None:
    returned, archived = RecordState.AVAILABLE, RecordState.ARCHIVED
    pieces = [ChangedRecords(1, 2, returned), ChangedRecords(3, 3, returned), ChangedRecords(7, 8, archived)]
    assert merged_spans(pieces) == (5, ((1, 3), (7, 8)))


@pytest.mark.parametrize(
    ("isolation_level", "seen"), [("read_committed", [3, 4]), ("read_uncommitted", [0, 1, 2, 3, 4])]
)
def test_what_a_group_sees_of_transactions_is_its_configuration(isolation_level: str, seen: list[int]) -> None:
    group = {"share.isolation.level": isolation_level}
    sharing = Sharing({"a": Sharer()}, Source(10, 0), group, transaction_partition_verification_enable=False).fly(6)
    made = Transactions(sharing.story, Probe(sharing.story))
    made.send(7, count=3)
    sharing.fly(8)
    before = len(sharing.members["a"].got)
    assert before == (0 if isolation_level == "read_committed" else 3)
    made.end(7, commit=False)
    made.send(8, count=2)
    made.end(8, commit=True)
    sharing.fly(12)
    assert [int(record.value or b"") for _, record in sharing.members["a"].got] == seen
    assert sharing.start_offset() == sharing.log_end() == 7
