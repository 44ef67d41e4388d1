"""Members come, go and die: who owns what, how long nobody does, and how long it takes to notice."""

from collections.abc import Generator, Iterable, Sequence
from itertools import pairwise
from typing import Any

import pytest
from simpy import Event

from sim.actors.client.app import App
from sim.actors.consumer.consumer import GroupJoinError, RebalanceListener
from sim.rules.errors import ErrorCode
from sim.rules.facts.journal import GroupChanged, MemberRemoved, PartitionsAssigned
from sim.rules.protocol.group import HeartbeatRequest, JoinGroupRequest, LeaveGroupRequest
from sim.rules.topics import TopicPartition
from sim.world.topics import Topic
from tests.actors.flights import Story, seconds

Steps = Generator[Event, Any, Any]
SIX = Topic("six", 6, 3)


class Reader(RebalanceListener):
    """A member of a group: what it was told, and when its polls ended; it works between them from `busy_from_s` on."""

    def __init__(
        self,
        busy_ms: float = 0,
        busy_from_s: float = 0,
        stop_s: float = 1e9,
        leave_group: bool | None = None,
        **config: Any,
    ) -> None:
        self.busy_ms, self.busy_from_s, self.stop_s = busy_ms, busy_from_s, stop_s
        self.leave_group = leave_group
        self.config: dict[str, Any] = {"auto_offset_reset": "earliest", **config}
        self.told: list[tuple[float, str, tuple[int, ...]]] = []
        self.polls: list[float] = []
        self.app: App | None = None

    def __call__(self, app: App) -> Steps:
        self.app = app
        consumer = app.consumer("readers", **self.config)
        consumer.subscribe(["six"], self)
        while app.now < self.stop_s * 1e9:
            yield from consumer.poll(100)
            self.polls.append(seconds(app.now))
            if self.busy_ms and app.now >= self.busy_from_s * 1e9:
                yield app.busy(ms=self.busy_ms)
        yield from consumer.close(leave_group=self.leave_group)

    def _note(self, what: str, partitions: Iterable[TopicPartition]) -> None:
        assert self.app is not None
        self.told.append((seconds(self.app.now), what, tuple(name.partition for name in partitions)))

    def on_partitions_revoked(self, partitions: Sequence[TopicPartition]) -> Steps | None:
        self._note("revoked", partitions)
        return None

    def on_partitions_lost(self, partitions: Sequence[TopicPartition]) -> None:
        self._note("lost", partitions)

    def on_partitions_assigned(self, partitions: Sequence[TopicPartition]) -> None:
        self._note("assigned", partitions)

    def times(self, what: str) -> list[float]:
        """When it was told this."""
        return [time for time, told, _ in self.told if told == what]

    @property
    def owned(self) -> tuple[int, ...]:
        """What the last call of the listener has left."""
        return self.told[-1][2] if self.told and self.told[-1][1] == "assigned" else ()


class Group:
    """A story with readers that start at given times, on a topic of six partitions."""

    def __init__(self, readers: dict[str, tuple[float, Reader]], **broker_config: object) -> None:
        self.story = Story(broker_config=broker_config, more_topics=[SIX])
        self.readers = {name: reader for name, (_, reader) in readers.items()}
        for name, (start_s, reader) in readers.items():
            self.story.at(start_s, self.story.cluster.app(name, reader, {}).start)

    def fly(self, until_s: float) -> "Group":
        self.story.fly(until_s)
        return self

    def kill(self, name: str, at_s: float) -> None:
        self.story.at(at_s, self.story.cluster.apps[name].stop)

    def owned(self) -> dict[str, tuple[int, ...]]:
        return {name: reader.owned for name, reader in self.readers.items()}

    def coordinator(self) -> int:
        for broker_id, broker in self.story.cluster.brokers.items():
            if broker.life.alive and not broker.life.paused and broker.groups.committed_offsets("readers") is not None:
                return broker_id
        raise AssertionError("nobody coordinates the group")


def test_the_first_join_of_an_empty_group_takes_the_initial_delay_of_3_s() -> None:
    group = Group({"one": (1.0, Reader())}).fly(8)
    ((time, what, partitions),) = group.readers["one"].told
    assert time == pytest.approx(4.0, abs=0.05)
    assert (what, partitions) == ("assigned", (0, 1, 2, 3, 4, 5))
    assert group.story.when(GroupChanged, state="Stable") == pytest.approx([4.0], abs=0.05)


@pytest.mark.parametrize("second_s", [0.0, 2.5])
def test_three_members_get_two_of_six_partitions_each_in_one_generation(second_s: float) -> None:
    """Members that come during the delay, be it at its beginning, make it last 3 s longer."""
    readers = {"one": (0.0, Reader()), "two": (second_s, Reader()), "three": (second_s, Reader())}
    group = Group(readers).fly(10)
    assert sorted(group.owned().values()) == [(0, 1), (2, 3), (4, 5)]
    assert all(reader.times("assigned") == pytest.approx([6.0], abs=0.05) for reader in group.readers.values())
    assert {fact.generation for fact in group.story.these(PartitionsAssigned)} == {1}


def test_one_member_more_makes_everybody_give_up_everything_first() -> None:
    """Eager: the others hear of it at their next heartbeat, within 3 s, revoke all, and get their share anew."""
    readers = {name: (0.0, Reader()) for name in ("one", "two")}
    group = Group({**readers, "three": (10.0, Reader())}).fly(20)
    assert sorted(group.owned().values()) == [(0, 1), (2, 3), (4, 5)]
    for name in ("one", "two"):
        kinds = [(what, len(partitions)) for _, what, partitions in group.readers[name].told]
        assert kinds == [("assigned", 3), ("revoked", 3), ("assigned", 2)]
        assert 10.0 < group.readers[name].times("revoked")[0] < 13.1
    again = [group.readers[name].times("assigned")[-1] for name in group.readers]
    assert max(again) - min(again) < 0.2
    assert max(again) < 13.3


def test_a_member_that_closes_is_missed_within_a_heartbeat() -> None:
    """It commits, revokes and says goodbye; nobody waits for its session."""
    group = Group({"one": (0.0, Reader()), "two": (0.0, Reader(stop_s=10.0))}).fly(20)
    leaver, stayer = group.readers["two"], group.readers["one"]
    assert group.story.when(MemberRemoved, reason="left") == pytest.approx([10.05], abs=0.06)
    assert [what for _, what, _ in leaver.told] == ["assigned", "revoked"]
    assert stayer.owned == (0, 1, 2, 3, 4, 5)
    assert 10.0 < stayer.times("assigned")[-1] < 13.2


@pytest.mark.parametrize("session_ms", [6000, 45_000])
def test_a_crashed_member_is_missed_after_session_timeout_ms(session_ms: int) -> None:
    """Counted from its last heartbeat, one of which it sends each 3 s."""
    readers = {name: (0.0, Reader(session_timeout_ms=session_ms)) for name in ("one", "two")}
    group = Group(readers)
    group.kill("two", 10.0)
    group.fly(20 + session_ms / 1000)
    noticed = group.story.when(MemberRemoved, reason="session timed out")
    assert len(noticed) == 1
    assert 10.0 + session_ms / 1000 - 3.1 <= noticed[0] <= 10.0 + session_ms / 1000
    back = group.readers["one"].times("assigned")[-1]
    assert noticed[0] < back < noticed[0] + 3.2
    assert group.readers["one"].owned == (0, 1, 2, 3, 4, 5)


def test_polls_return_while_the_group_waits_for_a_slow_member() -> None:
    """One member works for 5 s between polls; the others' polls of 100 ms return empty meanwhile, and do not wait."""
    group = Group({"one": (0.0, Reader()), "slow": (0.0, Reader(5000, busy_from_s=8)), "three": (10.0, Reader())}).fly(
        25
    )
    fast = group.readers["one"]
    gap = fast.times("assigned")[-1] - fast.times("revoked")[0]
    assert gap > 0.5
    waits = [b - a for a, b in pairwise(fast.polls)]
    assert max(waits) < 0.11
    assert sorted(group.owned().values()) == [(0, 1), (2, 3), (4, 5)]


def test_a_member_that_does_not_poll_leaves_on_time_and_rejoins_as_a_new_one() -> None:
    """max.poll.interval.ms 4 s, 10 s of work from 8 s on: it leaves at 12 s to the millisecond, heartbeats or not."""

    tired = Reader(10_000, busy_from_s=8, max_poll_interval_ms=4000)
    group = Group({"one": (0.0, Reader()), "tired": (0.0, tired)}).fly(30)
    last_poll = max(time for time in tired.polls if time < 9)
    assert group.story.when(MemberRemoved, reason="left")[0] == pytest.approx(last_poll + 4.0, abs=0.002)
    assert [what for _, what, _ in tired.told][:2] == ["assigned", "lost"]
    assert tired.times("lost")[0] == pytest.approx(last_poll + 10.0, abs=0.002)
    assert last_poll + 4 < group.readers["one"].times("assigned")[1] < last_poll + 7.2


def test_a_join_goes_on_only_while_the_application_polls() -> None:
    """JoinGroup is sent in the first poll, but its answer waits until the second, 20 s later."""
    group = Group({"one": (0.0, Reader(busy_ms=20_000))}).fly(30)
    assert group.readers["one"].times("assigned") == pytest.approx([20.1], abs=0.1)


def test_heartbeats_go_on_while_the_application_works() -> None:
    """20 s between polls, a session of 6 s: no eviction, for the heartbeat thread does not wait for polls."""
    beats: list[int] = []
    group = Group({"one": (0.0, Reader(20_000, busy_from_s=5, session_timeout_ms=6000))})
    for broker in group.story.cluster.brokers.values():
        group.story.overhear(broker, HeartbeatRequest, beats)
    group.fly(45)
    assert group.story.these(MemberRemoved) == []
    gaps = [seconds(b - a) for a, b in pairwise(beats)]
    assert gaps == pytest.approx([3.0] * len(gaps), abs=0.01)
    assert len(beats) >= 12


def test_the_first_member_is_told_to_assign_and_a_member_without_partitions_waits() -> None:
    """Seven members for six partitions: range gives the last in order of member ids nothing."""
    group = Group({f"m{number}": (0.0, Reader()) for number in range(7)}).fly(8)
    shares = sorted(group.owned().values())
    assert shares == [(), (0,), (1,), (2,), (3,), (4,), (5,)]
    generations = {fact.generation for fact in group.story.these(PartitionsAssigned)}
    assert generations == {1}


def test_the_group_survives_its_coordinator() -> None:
    """The coordinator is killed; 7 to 10.1 s later another broker has the group, and nobody has lost a partition."""
    group = Group({"one": (0.0, Reader()), "two": (0.0, Reader())}).fly(10)
    before = group.owned()
    old = group.coordinator()
    beats: list[int] = []
    for broker_id, broker in group.story.cluster.brokers.items():
        if broker_id != old:
            group.story.overhear(broker, HeartbeatRequest, beats)
    group.story.broker(old).stop()
    group.fly(40)
    assert group.coordinator() != old
    assert group.owned() == before
    assert [len(reader.told) for reader in group.readers.values()] == [1, 1]
    assert 17.0 < seconds(beats[0]) < 21.0


def test_a_hung_coordinator_is_left_when_the_session_could_have_ended() -> None:
    """session.timeout.ms 12 s without an answer, not request.timeout.ms of 30 s, send a member to the next one."""
    readers = {name: (0.0, Reader(session_timeout_ms=12_000)) for name in ("one", "two")}
    group = Group(readers).fly(10)
    before = group.owned()
    old = group.coordinator()
    beats: list[int] = []
    for broker_id, broker in group.story.cluster.brokers.items():
        if broker_id != old:
            group.story.overhear(broker, HeartbeatRequest, beats)
    group.story.broker(old).pause()
    group.fly(30)
    assert 20.5 < seconds(beats[0]) < 22.5
    assert group.story.when(MemberRemoved, after_s=10) == []
    assert group.owned() == before


def test_members_that_lose_their_generation_keep_their_id() -> None:
    """ILLEGAL_GENERATION: the member joins again under its id, so the group need not wait for its old self."""
    group = Group({"one": (0.0, Reader())}).fly(8)
    app = group.story.cluster.apps["one"]
    member: Any = app.consumers[0]._parts.member
    membership = member._membership
    member_id = membership.member_id
    membership.generation = 77
    group.fly(14)
    assert group.story.when(MemberRemoved) == []
    assert membership.member_id == member_id
    assert [what for _, what, _ in group.readers["one"].told] == ["assigned", "lost", "assigned"]
    assert group.readers["one"].owned == (0, 1, 2, 3, 4, 5)


def test_static_members_do_not_say_goodbye() -> None:
    leaves: list[int] = []
    group = Group({"one": (0.0, Reader(stop_s=6.0, group_instance_id="one"))})
    for broker in group.story.cluster.brokers.values():
        group.story.overhear(broker, LeaveGroupRequest, leaves)
    group.fly(8)
    assert group.readers["one"].times("revoked")
    assert leaves == []


def test_a_coordinator_that_refuses_for_good_is_an_error_of_poll() -> None:
    """session.timeout.ms below group.min.session.timeout.ms of the broker."""
    told: list[ErrorCode] = []

    def run(app: App) -> Steps:
        consumer = app.consumer("readers", ["six"], session_timeout_ms=5000)
        with pytest.raises(GroupJoinError) as failure:
            yield from consumer.poll()
        told.append(failure.value.code)

    story = Story(apps={"one": run}, more_topics=[SIX])
    story.fly(3)
    assert told == [ErrorCode.INVALID_SESSION_TIMEOUT]


def test_a_new_subscription_makes_the_member_join_again() -> None:
    owned: list[list[str]] = []

    def run(app: App) -> Steps:
        consumer = app.consumer("readers", ["six"])
        for topics in (["six"], ["six", "payments"], ["payments"]):
            consumer.subscribe(topics)
            until = app.now + 5e9
            while app.now < until:
                yield from consumer.poll(100)
            owned.append(sorted({name.topic for name in consumer.assignment()}))

    joins: list[int] = []
    story = Story(more_topics=[SIX])
    for broker in story.cluster.brokers.values():
        story.overhear(broker, JoinGroupRequest, joins)
    story.cluster.app("one", run, {}).start()
    story.fly(16)
    assert owned == [["six"], ["payments", "six"], ["payments"]]
    assert len(joins) == 4
