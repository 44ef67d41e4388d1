"""Stories of administrators: topics made, changed and deleted while a cluster flies, and what clients notice."""

from collections.abc import Callable, Generator
from typing import Any

import pytest
from simpy import Event

from sim.actors.admin.admin import Admin, AlterConfigOp, AlterConfigOpType, NewPartitions, NewTopic
from sim.actors.client.app import App
from sim.actors.client.client_errors import AdminError, ClientTimeoutError
from sim.rules.errors import ErrorCode
from sim.rules.facts.journal import TopicCreated
from sim.rules.facts.replication import ReplicaDeleted
from sim.rules.facts.topic import TopicDeleted
from sim.rules.protocol.controller import ElectLeadersRequest
from sim.rules.storage.offset_lookup import EARLIEST_TIMESTAMP, LATEST_TIMESTAMP
from sim.rules.topics import TopicPartition
from tests.actors.flights import P, Source, Story

ORDERS = TopicPartition("orders", 0)
Doing = Callable[[Admin], Generator[Event, Any, Any]]


class Administrator:
    """An application that does one thing as an administrator, from a time on, and keeps what came of it."""

    def __init__(self, doing: Doing, at_s: float = 1.0, **config: object) -> None:
        self.doing, self.at_s, self.config = doing, at_s, config
        self.result: Any = None
        self.done_s = -1.0

    def __call__(self, app: App) -> Generator[Event, Any, Any]:
        yield app.busy(ms=self.at_s * 1000)
        admin = app.admin(**self.config)
        try:
            self.result = yield from self.doing(admin)
        except (AdminError, ClientTimeoutError) as error:
            self.result = error
        self.done_s = app.now / 1e9
        admin.close()


def administer(doing: Doing, until_s: float = 3.0, **more: Any) -> tuple[Any, Story]:
    """What came of an administrator's work in a quiet cluster, and the cluster."""
    administrator = Administrator(doing)
    story = Story(apps={"admin": administrator}, **more)
    story.fly(until_s)
    assert administrator.done_s > 0, "the administrator has not come to an end"
    return administrator.result, story


def create(*topics: NewTopic, validate_only: bool = False) -> Doing:
    def doing(admin: Admin) -> Generator[Event, Any, Any]:
        yield from admin.create_topics(topics, validate_only)

    return doing


def test_a_created_topic_is_answered_for_when_committed_and_known_to_brokers_soon_after() -> None:
    created = Administrator(create(NewTopic("orders", 6, 3, config={"retention.ms": "1h"})))
    story = Story(apps={"admin": created})
    story.fly(1.2)
    (written,) = story.when(TopicCreated, topic="orders", after_s=0.5)
    assert created.result is None
    assert created.done_s - written >= 0.025, "the controller's log lingers 25 ms"
    partitions = [TopicPartition("orders", number) for number in range(6)]
    for broker_id in story.cluster.brokers:
        broker = story.broker(broker_id)
        assert [name for name in broker.replicas.partitions if name.topic == "orders"] == partitions
        assert broker.topic_config("orders").retention_ms == 3_600_000 != broker.topic_config(P.topic).retention_ms
    registrations = [story.cluster.controller.image.partitions[name] for name in partitions]
    assert sorted({known.leader for known in registrations}) == [1, 2, 3]
    assert all(sorted(known.isr) == [1, 2, 3] for known in registrations)


@pytest.mark.parametrize(
    ("topic", "code"),
    [
        (NewTopic(P.topic, 1, 1), ErrorCode.TOPIC_ALREADY_EXISTS),
        (NewTopic("a b", 1, 1), ErrorCode.INVALID_TOPIC_EXCEPTION),
        (NewTopic("x.y", 1, 1, config={"retention.ms": -2}), ErrorCode.INVALID_CONFIG),
        (NewTopic("orders", 1, 1, config={"retention": 5}), ErrorCode.INVALID_CONFIG),
        (NewTopic("orders", 0, 1), ErrorCode.INVALID_PARTITIONS),
        (NewTopic("orders", 1, 0), ErrorCode.INVALID_REPLICATION_FACTOR),
        (NewTopic("orders", 1, 4), ErrorCode.INVALID_REPLICATION_FACTOR),
        (NewTopic("orders", 1, -1, {0: [1]}), ErrorCode.INVALID_REQUEST),
        (NewTopic("orders", replica_assignments={0: [1, 7]}), ErrorCode.INVALID_REPLICA_ASSIGNMENT),
        (NewTopic("orders", replica_assignments={1: [1]}), ErrorCode.INVALID_REPLICA_ASSIGNMENT),
    ],
)
def test_a_topic_that_cannot_be_is_refused_by_kafkas_name_and_the_next_one_is_created(
    topic: NewTopic, code: ErrorCode
) -> None:
    refused, story = administer(create(topic, NewTopic("other", 1, 1)))
    assert isinstance(refused, AdminError)
    assert refused.code is code
    assert refused.results == {topic.name: code, "other": ErrorCode.NONE}
    assert ("orders" in story.cluster.controller.image.partition_counts) is False
    assert story.cluster.controller.image.partition_counts["other"] == 1


def test_numbers_may_be_left_to_the_brokers_and_replicas_may_be_chosen() -> None:
    topics = NewTopic("orders"), NewTopic("chosen", replica_assignments={0: [3, 1], 1: [1, 2]})
    broker_config = {"num.partitions": 5, "default.replication.factor": 2}
    _, story = administer(create(*topics), broker_config=broker_config)
    image = story.cluster.controller.image
    assert image.partition_counts["orders"] == 5
    assert len(image.partitions[ORDERS].replicas) == 2
    assert [image.partitions[name].replicas for name in image.topic_partitions("chosen")] == [(3, 1), (1, 2)]


def test_validate_only_refuses_as_usual_but_creates_nothing() -> None:
    fine, story = administer(create(NewTopic("orders", 1, 3), validate_only=True))
    assert fine is None
    assert "orders" not in story.cluster.controller.image.partition_counts
    refused, _ = administer(create(NewTopic("orders", 1, 4), validate_only=True))
    assert refused.code is ErrorCode.INVALID_REPLICATION_FACTOR


def test_producers_and_consumers_find_a_new_topic_without_being_told() -> None:
    got: list[bytes | None] = []

    def produce(app: App) -> Generator[Event, Any, Any]:
        producer = app.producer()
        yield from producer.send("orders", value=b"first")
        yield from producer.close()

    def consume(app: App) -> Generator[Event, Any, Any]:
        consumer = app.consumer("readers", ["orders"], auto_offset_reset="earliest", metadata_max_age_ms=1000)
        while True:
            got.extend(record.value for record in (yield from consumer.poll(200)))

    apps: dict[str, Any] = {"produce": produce, "consume": consume}
    apps["admin"] = Administrator(create(NewTopic("orders", 1, 3)), at_s=5)
    story = Story(apps=apps)
    story.fly(5)
    assert not got
    story.fly(15)
    assert got == [b"first"]


def test_a_deleted_topic_goes_from_metadata_and_disks_and_its_name_is_free() -> None:
    def doing(admin: Admin) -> Generator[Event, Any, Any]:
        yield from admin.delete_topics([P.topic])
        yield from admin.create_topics([NewTopic(P.topic, 2, 3)])

    source = Source(every_ms=50, until_s=4)
    story = Story(apps={"source": source, "admin": Administrator(doing, at_s=5)})
    story.fly(5)
    assert story.numbers(1) == sorted(source.acknowledged)
    assert len(source.acknowledged) > 50
    story.fly(8)
    assert story.when(TopicDeleted, topic=P.topic)
    assert sorted(fact.broker_id for fact in story.these(ReplicaDeleted)) == [1, 2, 3]
    assert [story.numbers(broker_id) for broker_id in (1, 2, 3)] == [[], [], []]
    assert story.cluster.controller.image.partition_counts[P.topic] == 2
    kept = story.broker(1).logs.bytes_on_disk()
    story.fly(66)
    assert story.broker(1).logs.bytes_on_disk() < kept, "file.delete.delay.ms keeps the files for a minute"


def test_a_broker_that_was_down_does_not_take_the_old_log_for_that_of_the_new_topic() -> None:
    def doing(admin: Admin) -> Generator[Event, Any, Any]:
        yield from admin.delete_topics([P.topic])
        yield from admin.create_topics([NewTopic(P.topic, replica_assignments={0: [1, 2, 3]})])

    story = Story(apps={"source": Source(every_ms=50, until_s=4), "admin": Administrator(doing, at_s=6)})
    story.at(5, story.broker(3).stop)
    story.at(20, story.broker(3).start)
    story.fly(10)
    assert story.numbers(3)
    assert not story.numbers(1)
    story.fly(40)
    assert story.isr() == {1, 2, 3}
    assert story.numbers(3) == []


def test_deletion_can_be_switched_off_and_needs_a_topic() -> None:
    def doing(name: str) -> Doing:
        return lambda admin: admin.delete_topics([name])

    refused, story = administer(doing(P.topic), broker_config={"delete.topic.enable": False})
    assert refused.code is ErrorCode.TOPIC_DELETION_DISABLED
    assert not story.these(TopicDeleted)
    refused, _ = administer(doing("nobody"))
    assert refused.code is ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        (NewPartitions(1), ErrorCode.INVALID_PARTITIONS),
        (NewPartitions(0), ErrorCode.INVALID_PARTITIONS),
        (NewPartitions(3, [[1, 2, 3]]), ErrorCode.INVALID_REPLICA_ASSIGNMENT),
        (NewPartitions(2, [[1, 2]]), ErrorCode.INVALID_REPLICA_ASSIGNMENT),
        (NewPartitions(2, [[3, 1, 2]]), ErrorCode.NONE),
        (NewPartitions(4), ErrorCode.NONE),
    ],
)
def test_partitions_are_added_but_never_taken_away(wanted: NewPartitions, code: ErrorCode) -> None:
    result, story = administer(lambda admin: admin.create_partitions({P.topic: wanted}))
    count = story.cluster.controller.image.partition_counts[P.topic]
    assert (result.code if isinstance(result, AdminError) else ErrorCode.NONE) is code
    assert count == (wanted.total_count if code is ErrorCode.NONE else 1)


def test_a_changed_min_insync_replicas_holds_for_the_next_produce_request() -> None:
    def doing(admin: Admin) -> Generator[Event, Any, Any]:
        yield from admin.incremental_alter_configs({P.topic: {"min.insync.replicas": 1}})

    source = Source(every_ms=100, until_s=40)
    story = Story(apps={"source": source, "admin": Administrator(doing, at_s=25)}, topic_config={})
    for broker_id in story.followers:
        story.at(2, story.broker(broker_id).stop)
    story.fly(25)
    silent_since = max(source.acknowledged_at.values()) / 1e9
    assert silent_since < 12, "two replicas are wanted, one is left"
    story.fly(41)
    assert max(source.acknowledged_at.values()) / 1e9 > 39, "one is enough now"


def test_configurations_change_in_flight_and_back() -> None:
    seen: list[Any] = []

    def doing(admin: Admin) -> Generator[Event, Any, Any]:
        key = "retention.ms"
        for ops in (
            [AlterConfigOp(key, 5000), AlterConfigOp("cleanup.policy", "compact", AlterConfigOpType.APPEND)],
            [AlterConfigOp("cleanup.policy", "delete", AlterConfigOpType.SUBTRACT)],
            [AlterConfigOp(key, op=AlterConfigOpType.DELETE)],
        ):
            yield from admin.incremental_alter_configs({P.topic: ops})
            yield admin._owner.sleep(10**9)
            found = yield from admin.describe_configs([P.topic], [key, "cleanup.policy"])
            seen.append([(found[P.topic][name].value, found[P.topic][name].source) for name in (key, "cleanup.policy")])

    _, story = administer(doing, until_s=6)
    own, default = "DYNAMIC_TOPIC_CONFIG", "DEFAULT_CONFIG"
    assert seen == [
        [(5000, own), (("delete", "compact"), own)],
        [(5000, own), (("compact",), own)],
        [(604_800_000, default), (("compact",), own)],
    ]
    assert all(story.broker(n).replicas.partitions[P].config.cleanup_policy == ("compact",) for n in (1, 2, 3))


def test_shorter_retention_and_segments_delete_what_was_to_stay() -> None:
    def doing(admin: Admin) -> Generator[Event, Any, Any]:
        yield from admin.incremental_alter_configs({P.topic: {"retention.ms": "10s", "segment.ms": "5s"}})

    def first_offset(*apps: Administrator) -> int:
        story = Story(
            apps={"source": Source(every_ms=100, until_s=80), **{f"admin-{i}": app for i, app in enumerate(apps)}},
            broker_config={"log.retention.check.interval.ms": 10_000, "log.initial.task.delay.ms": 1000},
        )
        story.fly(82)
        return story.broker(story.first_leader).storage[P].log_start_offset

    assert first_offset() == 0
    assert first_offset(Administrator(doing, at_s=30)) > 300


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"payments": {"min.insync.replica": 1}}, ErrorCode.INVALID_CONFIG),
        ({"payments": {"retention.ms": "soon"}}, ErrorCode.INVALID_CONFIG),
        ({"payments": [AlterConfigOp("retention.ms", 1, AlterConfigOpType.APPEND)]}, ErrorCode.INVALID_CONFIG),
        ({"nobody": {"retention.ms": 5}}, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
    ],
)
def test_a_wrong_configuration_is_refused_as_a_whole(change: Any, code: ErrorCode) -> None:
    refused, story = administer(lambda admin: admin.incremental_alter_configs(change))
    assert refused.code is code
    assert story.cluster.controller.topic_config(P.topic).min_insync_replicas == 2


def test_a_description_tells_what_the_cluster_has() -> None:
    def doing(admin: Admin) -> Generator[Event, Any, Any]:
        names = yield from admin.list_topics()
        all_names = yield from admin.list_topics(list_internal=True)
        described = yield from admin.describe_topics()
        cluster = yield from admin.describe_cluster()
        return names, all_names, described, [node.broker_id for node in cluster.nodes]

    (names, all_names, described, nodes), story = administer(doing)
    assert names == [P.topic]
    assert "__consumer_offsets" in all_names
    assert nodes == [1, 2, 3]
    assert described[P.topic].partitions == (story.cluster.controller.image.partitions[P],)
    refused, _ = administer(lambda admin: admin.describe_topics(["nobody"]))
    assert refused.code is ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


def test_orders_wait_for_a_controller_and_are_given_up_without_one() -> None:
    patient = Administrator(create(NewTopic("orders", 1, 3)))
    hasty = Administrator(create(NewTopic("rush", 1, 3)), default_api_timeout_ms=2000, request_timeout_ms=1000)
    story = Story(apps={"patient": patient, "hasty": hasty})
    story.at(0.5, story.cluster.controller.stop)
    story.at(9, story.cluster.controller.start)
    story.fly(20)
    assert isinstance(hasty.result, ClientTimeoutError)
    assert hasty.done_s < 5
    assert patient.result is None
    assert 9 < patient.done_s < 12


def test_records_are_deleted_and_offsets_told() -> None:
    def doing(admin: Admin) -> Generator[Event, Any, Any]:
        low = yield from admin.delete_records({P: 30})
        first = yield from admin.list_offsets({P: EARLIEST_TIMESTAMP})
        end = yield from admin.list_offsets({P: LATEST_TIMESTAMP})
        late = yield from admin.list_offsets({P: 10_000_000})
        return low, first[P].offset, end[P].offset, late[P].offset

    source, administrator = Source(every_ms=50, until_s=4), Administrator(doing, at_s=5)
    story = Story(apps={"source": source, "admin": administrator})
    story.fly(7)
    assert administrator.result == ({P: 30}, 30, len(source.acknowledged), -1)
    assert [story.broker(n).storage[P].log_start_offset for n in (1, 2, 3)] == [30, 30, 30]
    refused, _ = administer(lambda admin: admin.delete_records({P: 1000}))
    assert refused.code is ErrorCode.OFFSET_OUT_OF_RANGE


def test_leaders_are_elected_and_replicas_moved_through_any_broker() -> None:
    def doing(admin: Admin) -> Generator[Event, Any, Any]:
        elected = yield from admin.elect_leaders("preferred", [P])
        yield from admin.alter_partition_reassignments({P: [2, 3]})
        ongoing = yield from admin.list_partition_reassignments()
        yield admin._owner.sleep(5 * 10**9)
        return elected, ongoing, (yield from admin.list_partition_reassignments())

    (elected, ongoing, later), story = administer(doing, until_s=10)
    assert elected == {P: ErrorCode.ELECTION_NOT_NEEDED}
    assert later == {}
    assert all(assignment.removing == (1,) for assignment in ongoing.values())
    assert story.cluster.controller.image.partitions[P].replicas == (2, 3)
    refused, _ = administer(lambda admin: admin.alter_partition_reassignments({P: [2, 9]}))
    assert refused.code is ErrorCode.INVALID_REPLICA_ASSIGNMENT


@pytest.mark.parametrize("way", ["none", "preferred", "unclean", "config"])
def test_who_would_rather_lose_records_than_wait_says_so_by_election_or_configuration(way: str) -> None:
    def doing(admin: Admin) -> Generator[Event, Any, Any]:
        if way == "config":
            yield from admin.incremental_alter_configs({P.topic: {"unclean.leader.election.enable": True}})
        elif way != "none":
            return (yield from admin.elect_leaders(way, [P]))  # type: ignore[arg-type]

    administrator = Administrator(doing, at_s=40)
    story = Story(
        apps={"source": Source(every_ms=100, until_s=20), "admin": administrator},
        topic_config={"min.insync.replicas": 1},
        broker_config={"unclean.leader.election.interval.ms": 2000},
    )
    for broker_id in story.followers:
        story.at(2, story.broker(broker_id).stop)
        story.at(25, story.broker(broker_id).start)
    story.at(22, story.broker(story.first_leader).stop)
    story.fly(45)
    codes = {"preferred": {P: ErrorCode.PREFERRED_LEADER_NOT_AVAILABLE}, "unclean": {P: ErrorCode.NONE}}
    assert administrator.result == codes.get(way)
    lead = story.cluster.controller.image.leader(P)
    assert lead in story.followers if way in ("unclean", "config") else lead == -1


def test_a_topic_made_while_a_broker_is_down_has_it_as_a_replica_that_catches_up() -> None:
    story = Story(apps={"admin": Administrator(create(NewTopic("orders", 3, 3)), at_s=20)})
    story.at(1, story.broker(3).stop)
    story.at(30, story.broker(3).start)
    story.fly(25)
    image = story.cluster.controller.image
    known = [image.partitions[name] for name in image.topic_partitions("orders")]
    assert [sorted(partition.replicas) for partition in known] == [[1, 2, 3]] * 3
    assert [sorted(partition.isr) for partition in known] == [[1, 2]] * 3
    story.fly(50)
    assert all(story.isr(name) == {1, 2, 3} for name in image.topic_partitions("orders"))


def test_only_the_controller_decides() -> None:
    heard: list[int] = []
    administrator = Administrator(lambda admin: admin.elect_leaders("preferred"))
    story = Story(apps={"admin": administrator})
    story.overhear(story.cluster.controller, ElectLeadersRequest, heard)
    story.fly(3)
    assert len(heard) == 1
    assert administrator.result == {}
