"""Members of a group of the consumer protocol (KIP-848) come, go, hang and die; their coordinator does, too."""

from collections.abc import Generator, Iterable, Sequence
from itertools import pairwise
from typing import Any

import pytest
from simpy import Event

from sim.actors.client.app import App
from sim.actors.consumer.consumer import CommitFailedError, GroupJoinError, RebalanceListener
from sim.rules.controller.metadata import PartitionChange
from sim.rules.errors import ErrorCode
from sim.rules.facts.journal import GroupChanged, MemberRemoved, PartitionsAssigned
from sim.rules.protocol.consumer_group import ConsumerGroupHeartbeatRequest
from sim.rules.topics import TopicPartition
from sim.world.topics import Topic
from tests.actors.flights import Story, seconds

Steps = Generator[Event, Any, Any]
SIX = Topic("six", 6, 3)
GROUP = "readers"


class Reader(RebalanceListener):
    """A member that polls again and again, but works during `busy_s` and can be slow to revoke; what it was told."""

    def __init__(self, stop_s: float = 1e9, busy_s: tuple[float, float] = (1e9, 1e9), **config: Any) -> None:
        self.stop_s, self.busy_s = stop_s, busy_s
        self.config: dict[str, Any] = {"auto_offset_reset": "earliest", "group_protocol": "consumer", **config}
        self.revoke_ms = 0.0
        self.told: list[tuple[float, str, tuple[int, ...]]] = []
        self.owned: set[TopicPartition] = set()
        self.got: list[tuple[str, int, int]] = []
        self.errors: list[Exception] = []
        self.app: App | None = None

    def __call__(self, app: App) -> Steps:
        self.app = app
        consumer = app.consumer(GROUP, **self.config)
        consumer.subscribe(["six"], self)
        while app.now < self.stop_s * 1e9:
            try:
                records = yield from consumer.poll(100)
                self.got += [(record.topic, record.partition, record.offset) for record in records]
                if not consumer.config.enable_auto_commit:
                    yield from consumer.commit()
            except (CommitFailedError, GroupJoinError) as error:
                self.errors.append(error)
            if self.busy_s[0] * 1e9 <= app.now < self.busy_s[1] * 1e9:
                yield app.until(round(self.busy_s[1] * 1e9))
        yield from consumer.close()

    def _note(self, what: str, partitions: Iterable[TopicPartition]) -> None:
        assert self.app is not None
        self.told.append((seconds(self.app.now), what, tuple(name.partition for name in partitions)))

    def on_partitions_assigned(self, partitions: Sequence[TopicPartition]) -> None:
        self.owned |= set(partitions)
        self._note("assigned", partitions)

    def on_partitions_revoked(self, partitions: Sequence[TopicPartition]) -> Steps:
        assert self.app is not None
        self.owned -= set(partitions)
        self._note("revoked", partitions)
        if self.revoke_ms:
            yield self.app.busy(ms=self.revoke_ms)

    def on_partitions_lost(self, partitions: Sequence[TopicPartition]) -> None:
        self.owned -= set(partitions)
        self._note("lost", partitions)

    def times(self, what: str) -> list[float]:
        """When it was told this of at least one partition."""
        return [time for time, told, partitions in self.told if told == what and partitions]


def numbers(reader: Reader) -> list[int]:
    return sorted(name.partition for name in reader.owned)


def started(readers: dict[str, tuple[float, Reader]], session_s: int = 45, **more: Any) -> Story:
    """A story with readers that start at given times."""
    config = {"group.consumer.session.timeout.ms": 1000 * session_s, **more}
    story = Story(broker_config=config, more_topics=[SIX])
    for name, (start_s, reader) in readers.items():
        story.at(start_s, story.cluster.app(name, reader, {}).start)
    return story


def coordinator(story: Story) -> int:
    found = [
        broker_id
        for broker_id, broker in story.cluster.brokers.items()
        if broker.life.alive and not broker.life.paused and broker.groups.committed_offsets(GROUP) is not None
    ]
    assert len(found) == 1
    return found[0]


def test_the_first_member_waits_for_no_delay_and_a_second_gets_its_half_within_a_heartbeat() -> None:
    one, two = Reader(), Reader()
    story = started({"one": (1.0, one), "two": (12.0, two)})
    story.fly(20)
    assert one.times("assigned") == pytest.approx([1.0], abs=0.02)
    assert [numbers(one), numbers(two)] == [[0, 1, 2], [3, 4, 5]]
    assert 12.0 < one.times("revoked")[0] < 17.0
    assert two.times("assigned") == pytest.approx([17.0], abs=0.02)
    assert [fact.state for fact in story.these(GroupChanged)] == ["Stable", "Reconciling", "Stable"]


def test_who_keeps_a_partition_goes_on_reading_it_while_others_move() -> None:
    """One rebalance, and the kept half is never revoked: nothing stops."""
    one = Reader()
    started({"one": (1.0, one), "two": (12.0, Reader())}).fly(20)
    assert [what for _, what, _ in one.told] == ["assigned", "revoked", "assigned"]
    assert one.told[1][2] == (3, 4, 5)
    assert one.told[2][2] == ()


def test_a_clean_goodbye_is_made_up_for_with_the_next_heartbeat() -> None:
    one, two = Reader(), Reader(stop_s=20.0)
    story = started({"one": (1.0, one), "two": (3.0, two)})
    story.fly(30)
    assert story.when(MemberRemoved, reason="left") == pytest.approx([20.05], abs=0.06)
    assert numbers(one) == [0, 1, 2, 3, 4, 5]
    assert 20.0 < one.times("assigned")[-1] < 25.2
    assert two.times("revoked")[-1] == pytest.approx(20.05, abs=0.06)


@pytest.mark.parametrize("session_s", [10, 45])
def test_a_crash_is_noticed_when_the_session_has_run_out(session_s: int) -> None:
    """Recorded with 45 s: the survivor had the missing partitions after 44.5 s."""
    one, two = Reader(), Reader()
    story = started({"one": (1.0, one), "two": (3.0, two)}, session_s)
    story.at(20.0, story.cluster.apps["two"].stop)
    story.fly(30 + session_s)
    noticed = story.when(MemberRemoved, reason="session timed out")
    assert len(noticed) == 1
    assert 15.0 + session_s <= noticed[0] <= 20.0 + session_s
    assert noticed[0] < one.times("assigned")[-1] < noticed[0] + 5.1
    assert numbers(one) == [0, 1, 2, 3, 4, 5]


def test_heartbeats_go_on_while_the_application_works() -> None:
    """40 s between polls, a session of 10 s, max.poll.interval.ms of 5 minutes: nobody is missed."""
    beats: list[int] = []
    story = started({"one": (1.0, Reader(busy_s=(10, 50)))}, 10)
    for broker in story.cluster.brokers.values():
        story.overhear(broker, ConsumerGroupHeartbeatRequest, beats)
    story.fly(55)
    assert story.these(MemberRemoved) == []
    gaps = [seconds(b - a) for a, b in pairwise(beats[1:])]
    assert gaps == pytest.approx([5.0] * len(gaps), abs=0.01)
    assert len(gaps) >= 9


def test_a_member_that_polls_too_seldom_leaves_with_its_next_heartbeat_and_comes_back() -> None:
    """max.poll.interval.ms 4 s: noticed 4 to 9 s after the last poll; at the next poll all is lost, and it rejoins."""
    one = Reader()
    tired = Reader(busy_s=(20, 40), max_poll_interval_ms=4000)
    story = started({"one": (1.0, one), "tired": (3.0, tired)})
    story.fly(50)
    left = story.when(MemberRemoved, reason="left")
    assert len(left) == 1
    assert 24.0 <= left[0] <= 29.2
    assert tired.times("lost") == pytest.approx([40.0], abs=0.2)
    assert len(one.owned) == len(tired.owned) == 3


def test_who_does_not_give_up_within_the_rebalance_time_out_is_fenced() -> None:
    """The listener takes 30 s, max.poll.interval.ms is 10 s: neither coordinator nor client wait longer."""
    one, two = Reader(max_poll_interval_ms=10_000), Reader()
    one.revoke_ms = 30_000
    story = started({"one": (1.0, one), "two": (12.0, two)})
    story.fly(40)
    told = one.times("revoked")[0]
    removed = story.when(MemberRemoved)
    assert told + 9.9 < removed[0] < told + 15.1
    assert numbers(two) == [0, 1, 2, 3, 4, 5]
    story.fly(60)
    assert len(one.owned) == len(two.owned) == 3


def test_positions_are_committed_before_partitions_are_given_up() -> None:
    """Automatic commits every 5 minutes, one before the revocation: the new owner reads nothing twice."""
    one, two = Reader(auto_commit_interval_ms=300_000), Reader(auto_commit_interval_ms=300_000)
    story = started({"one": (1.0, one), "two": (12.0, two)})

    def send(app: App) -> Steps:
        producer = app.producer()
        for number in range(900):
            yield from producer.send("six", value=b"x", partition=number % 6)
            yield app.busy(ms=20)

    story.cluster.app("source", send, {}).start()
    story.fly(25)
    got = [*one.got, *two.got]
    assert len(got) == len(set(got)) == 900
    assert len(two.got) > 50


def test_a_commit_of_a_member_that_was_thrown_out_fails() -> None:
    story = started({"one": (1.0, Reader()), "tired": (3.0, Reader())})
    refused: list[Exception] = []

    def run(app: App) -> Steps:
        config = {"group_protocol": "consumer", "max_poll_interval_ms": 4000, "enable_auto_commit": False}
        consumer = app.consumer(GROUP, ["six"], **config)
        until = app.now + 10e9
        while app.now < until:
            yield from consumer.poll(100)
        yield app.busy(ms=15_000)
        try:
            yield from consumer.commit({TopicPartition("six", 0): 0})
        except CommitFailedError as error:
            refused.append(error)

    story.at(5.0, story.cluster.app("late", run, {}).start)
    story.fly(40)
    assert [str(error) for error in refused] == ["late-consumer-1 cannot commit: UNKNOWN_MEMBER_ID"]


def test_the_group_survives_its_coordinator() -> None:
    """Killed; 7 to 10.1 s later another broker has read the group from the log, and nobody has lost a partition."""
    one, two = Reader(), Reader()
    story = started({"one": (1.0, one), "two": (3.0, two)})
    story.fly(15)
    before = [numbers(one), numbers(two)]
    old, beats = coordinator(story), list[int]()
    for broker_id, broker in story.cluster.brokers.items():
        if broker_id != old:
            story.overhear(broker, ConsumerGroupHeartbeatRequest, beats)
    told = len(one.told), len(two.told)
    story.broker(old).stop()
    story.fly(45)
    assert coordinator(story) != old
    assert [numbers(one), numbers(two)] == before
    assert (len(one.told), len(two.told)) == told
    assert 21.0 < seconds(beats[0]) < 27.0
    assert story.these(MemberRemoved) == []
    three = Reader()
    story.cluster.app("three", three, {}).start()
    story.fly(60)
    assert [len(reader.owned) for reader in (one, two, three)] == [2, 2, 2]


@pytest.mark.parametrize(("session_s", "lost"), [(45, False), (10, True)])
def test_a_hung_coordinator_is_left_after_request_timeout_ms(session_s: int, lost: bool) -> None:
    """30 s without an answer; the next coordinator counts sessions from when it took over, 7 to 10 s after the hang."""
    one, two = Reader(), Reader()
    story = started({"one": (1.0, one), "two": (3.0, two)}, session_s)
    story.fly(15)
    before, beats, old = [numbers(one), numbers(two)], list[int](), coordinator(story)
    for broker_id, broker in story.cluster.brokers.items():
        if broker_id != old:
            story.overhear(broker, ConsumerGroupHeartbeatRequest, beats)
    story.broker(old).pause()
    story.fly(70)
    assert 45.0 < seconds(beats[0]) < 51.0
    assert bool(one.times("lost")) is bool(two.times("lost")) is lost
    assert sorted(numbers(one) + numbers(two)) == [0, 1, 2, 3, 4, 5]
    assert lost or [numbers(one), numbers(two)] == before


def test_a_rebalance_goes_on_under_another_coordinator() -> None:
    """The first member is slow to revoke when the coordinator dies: the next one waits for it, too."""
    one, two = Reader(), Reader()
    one.revoke_ms = 8000
    story = started({"one": (1.0, one), "two": (12.0, two)})
    story.fly(17.5)
    assert one.times("revoked")
    assert not two.owned
    story.broker(coordinator(story)).stop()
    story.fly(50)
    assert [numbers(one), numbers(two)] == [[0, 1, 2], [3, 4, 5]]
    assert one.times("lost") == []


def test_a_static_member_that_comes_back_in_time_gets_its_partitions_and_nobody_else_notices() -> None:
    one, two = Reader(), Reader(stop_s=20.0, group_instance_id="two")
    again = Reader(group_instance_id="two")
    story = started({"one": (1.0, one), "two": (3.0, two), "again": (28.0, again)})
    story.fly(19)
    before, told, epochs = numbers(two), len(one.told), len(story.these(GroupChanged))
    story.fly(40)
    assert numbers(again) == before
    assert again.times("assigned") == pytest.approx([28.0], abs=0.05)
    assert len(one.told) == told
    assert {fact.generation for fact in story.these(GroupChanged)[epochs:]} == {2}


def test_a_static_member_that_stays_away_is_missed_after_its_session() -> None:
    one, two = Reader(), Reader(stop_s=20.0, group_instance_id="two")
    story = started({"one": (1.0, one), "two": (3.0, two)}, 10)
    story.fly(40)
    assert 25.0 <= story.when(MemberRemoved, reason="session timed out")[0] <= 30.1
    assert numbers(one) == [0, 1, 2, 3, 4, 5]


def test_a_second_member_of_the_same_name_is_refused_for_good() -> None:
    first, second = Reader(group_instance_id="same"), Reader(group_instance_id="same")
    started({"first": (1.0, first), "second": (5.0, second)}).fly(10)
    assert [error.code for error in second.errors if isinstance(error, GroupJoinError)] == [
        ErrorCode.UNRELEASED_INSTANCE_ID
    ]
    assert numbers(first) == [0, 1, 2, 3, 4, 5]
    assert second.owned == set()


def test_a_member_too_many_is_refused_for_good() -> None:
    second = Reader()
    started({"first": (1.0, Reader()), "second": (5.0, second)}, 45, **{"group.consumer.max.size": 1}).fly(10)
    assert [str(error) for error in second.errors] == ["cannot join group readers: GROUP_MAX_SIZE_REACHED"]


def test_brokers_without_the_protocol_refuse_it() -> None:
    one = Reader()
    started({"one": (1.0, one)}, 45, **{"group.coordinator.rebalance.protocols": "classic"}).fly(3)
    assert [str(error) for error in one.errors] == ["cannot join group readers: UNSUPPORTED_VERSION"]


def test_more_partitions_are_given_out_at_the_next_heartbeat() -> None:
    one = Reader()
    story = started({"one": (1.0, one)})
    story.fly(7)
    controller = story.cluster.controller
    like = controller.image.partitions[TopicPartition("six", 5)]
    controller.metadata.append([PartitionChange(TopicPartition("six", 6), like)])
    story.fly(14)
    assert numbers(one) == [0, 1, 2, 3, 4, 5, 6]
    assert {fact.generation for fact in story.these(PartitionsAssigned)} == {1, 2}
    assert 7.0 < one.times("assigned")[-1] < 12.2


def test_a_regular_expression_is_resolved_by_the_coordinator() -> None:
    owned: list[list[str]] = []

    def run(app: App) -> Steps:
        consumer = app.consumer(GROUP, group_protocol="consumer")
        consumer.subscribe(pattern="s.*")
        until = app.now + 8e9
        while app.now < until:
            yield from consumer.poll(100)
        owned.append(sorted(str(name) for name in consumer.assignment()))

    story = Story(apps={"one": run}, more_topics=[SIX, Topic("seven", 1, 3)])
    story.fly(10)
    assert owned == [["seven-0", *(f"six-{number}" for number in range(6))]]


def test_unsubscribe_leaves_and_another_subscription_joins() -> None:
    owned: list[list[str]] = []

    def run(app: App) -> Steps:
        consumer = app.consumer(GROUP, group_protocol="consumer")
        for topics in (["six"], ["payments"]):
            consumer.subscribe(topics)
            until = app.now + 3e9
            while app.now < until:
                yield from consumer.poll(100)
            owned.append(sorted({name.topic for name in consumer.assignment()}))
            yield from consumer.unsubscribe()
        yield from consumer.close()

    story = Story(apps={"one": run}, more_topics=[SIX])
    story.fly(10)
    assert owned == [["six"], ["payments"]]
    assert [fact.reason for fact in story.these(MemberRemoved)] == ["left", "left"]


def test_another_subscription_is_told_with_the_next_heartbeat() -> None:
    owned: list[list[str]] = []

    def run(app: App) -> Steps:
        consumer = app.consumer(GROUP, group_protocol="consumer")
        for topics in (["six"], ["six", "payments"], ["payments"]):
            consumer.subscribe(topics)
            until = app.now + 12e9
            while app.now < until:
                yield from consumer.poll(100)
            owned.append(sorted({name.topic for name in consumer.assignment()}))

    story = Story(apps={"one": run}, more_topics=[SIX])
    story.fly(38)
    assert owned == [["six"], ["payments", "six"], ["payments"]]
    assert story.these(MemberRemoved) == []


def test_a_listener_that_fails_raises_from_poll_and_the_next_poll_goes_on() -> None:
    class Careless(Reader):
        def on_partitions_assigned(self, partitions: Sequence[TopicPartition]) -> None:
            super().on_partitions_assigned(partitions)
            if len(self.told) == 1:
                raise CommitFailedError("not yet")

    careless = Careless()
    story = started({"one": (1.0, careless)})
    story.fly(8)
    assert [str(error) for error in careless.errors] == ["not yet"]
    assert [partitions for _, _, partitions in careless.told] == [(0, 1, 2, 3, 4, 5), ()]
    assert story.these(MemberRemoved) == []


def test_without_a_listener_or_automatic_commits_additions_do_not_wait_for_a_poll() -> None:
    """The background thread takes them over while the application works for 20 s."""
    owned: list[int] = []

    def run(app: App) -> Steps:
        consumer = app.consumer(GROUP, ["six"], group_protocol="consumer", enable_auto_commit=False)
        yield from consumer.poll(3000)
        yield app.busy(ms=20_000)
        owned.append(len(consumer.assignment()))

    other = Reader(stop_s=12.0)
    story = started({"other": (0.5, other)})
    story.at(1.0, story.cluster.app("busy", run, {}).start)
    story.fly(30)
    assert owned == [6]
