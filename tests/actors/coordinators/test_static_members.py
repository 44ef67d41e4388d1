"""Members with a group.instance.id: they come back without a rebalance, and only one of a name lives."""

from collections.abc import Sequence
from typing import Any

import pytest

from sim.actors.client.app import App
from sim.actors.consumer.consumer import GroupJoinError
from sim.rules.errors import ErrorCode
from sim.rules.facts.journal import AppFailed, GroupChanged, MemberRemoved
from sim.rules.protocol.group import LeaveGroupRequest
from sim.rules.topics import TopicPartition
from tests.actors.coordinators.test_consumer_groups import Group, Reader, Steps
from tests.actors.flights import seconds


def named(group_instance_id: str) -> dict[str, Any]:
    return {"group_instance_id": group_instance_id}


def restarted(group: Group, name: str, at_s: float, config: dict[str, Any]) -> Reader:
    """The same application, started once more under another process name."""
    reader = Reader(**config)
    group.readers[f"{name}b"] = reader
    group.story.at(at_s, group.story.cluster.app(f"{name}b", reader, {}).start)
    return reader


def test_a_static_member_that_restarts_within_its_session_costs_no_rebalance() -> None:
    """A dynamic one costs one, and the time until its old self is missed: nobody owns anything for 40 s."""
    revoked = {}
    for static in (True, False):
        one, two = (named("one"), named("two")) if static else ({}, {})
        group = Group({"one": (0.0, Reader(**one)), "two": (0.0, Reader(**two))})
        group.kill("two", 10.0)
        back = restarted(group, "two", 14.0, two)
        group.fly(70)
        revoked[static] = len(group.readers["one"].times("revoked"))
        assert (14.0 if static else 52.0) < back.times("assigned")[0] < (14.1 if static else 55.1)
        assert sorted(group.owned()[name] for name in ("one", "twob")) == [(0, 1, 2), (3, 4, 5)]
        generations = {fact.generation for fact in group.story.these(GroupChanged)}
        assert (max(generations) == 1) == static
    assert revoked == {True: 0, False: 1}


def test_a_static_leader_that_is_back_does_not_assign_anew() -> None:
    """It is told to skip the assignment, keeps what it had, and still watches over the topics."""
    one, two = named("one"), named("two")
    group = Group({"one": (0.0, Reader(**one)), "two": (0.5, Reader(**two))}).fly(10)
    before = group.owned()
    group.story.cluster.apps["one"].stop()
    back = restarted(group, "one", 11.0, one)
    group.fly(16)
    assert back.owned == before["one"]
    assert group.readers["two"].times("revoked") == []
    member = group.story.cluster.apps["oneb"].consumers[0]._parts.member
    assert member._membership.is_leader  # type: ignore[attr-defined]
    assert group.story.these(MemberRemoved) == []


def test_a_static_member_that_stays_away_is_missed_after_its_session() -> None:
    """Closed or killed makes no difference: its partitions wait for session.timeout.ms of 6 s."""
    one = Reader(group_instance_id="one", session_timeout_ms=6000)
    two = Reader(group_instance_id="two", session_timeout_ms=6000, stop_s=10.0)
    group = Group({"one": (0.0, one), "two": (0.0, two)}).fly(20)
    removed = group.story.when(MemberRemoved)
    assert len(removed) == 1
    assert 12.9 < removed[0] < 16.2
    assert removed[0] < one.times("assigned")[-1] < removed[0] + 3.1
    assert one.owned == (0, 1, 2, 3, 4, 5)


def test_the_older_of_two_processes_with_one_name_is_fenced() -> None:
    """The newer takes the partitions over at once; the older learns of it with a heartbeat, and its poll fails."""
    one = named("same")
    group = Group({"one": (0.0, Reader(**one))})
    newer = restarted(group, "one", 10.0, one)
    group.fly(15)
    assert 10.0 < newer.times("assigned")[0] < 10.1
    ((failed, why),) = [(fact.app, fact.error) for fact in group.story.these(AppFailed)]
    assert failed == "one"
    assert why.endswith(str(GroupJoinError(ErrorCode.FENCED_INSTANCE_ID, "readers")))
    assert 10.0 < group.story.when(AppFailed)[0] < 13.1
    assert newer.owned == (0, 1, 2, 3, 4, 5)


def test_two_processes_with_names_of_their_own_live_together() -> None:
    one, two = Reader(group_instance_id="one"), Reader(group_instance_id="two")
    group = Group({"one": (0.0, one), "two": (10.0, two)}).fly(16)
    assert group.story.these(AppFailed) == []
    assert sorted(group.owned().values()) == [(0, 1, 2), (3, 4, 5)]


def test_close_tells_the_group_only_if_it_is_asked_to() -> None:
    times = []
    for leave_group in (None, True):
        leaves: list[int] = []
        reader = Reader(stop_s=6.0, group_instance_id="one", leave_group=leave_group)
        group = Group({"one": (0.0, reader)})
        for broker in group.story.cluster.brokers.values():
            group.story.overhear(broker, LeaveGroupRequest, leaves)
        group.fly(8)
        assert reader.times("revoked")
        times.append(len(leaves))
    assert times == [0, 1]


def test_static_members_survive_their_coordinator() -> None:
    """The new coordinator has read the group from the log: the instance still comes back without a rebalance."""
    one, two = named("one"), named("two")
    group = Group({"one": (0.0, Reader(**one)), "two": (0.0, Reader(**two))}).fly(10)
    before = group.owned()
    group.story.broker(group.coordinator()).stop()
    group.fly(30)
    group.story.cluster.apps["two"].stop()
    back = restarted(group, "two", 31.0, two)
    group.fly(36)
    assert back.owned == before["two"]
    assert group.readers["one"].times("revoked") == []


def test_a_fenced_process_that_does_not_give_up_takes_the_name_back() -> None:
    """Two processes with one name fence each other in turn: each next poll() joins anew."""

    class Stubborn(Reader):
        def __call__(self, app: App) -> Steps:
            self.app = app
            consumer = app.consumer("readers", **self.config)
            consumer.subscribe(["six"], self)
            while True:
                try:
                    yield from consumer.poll(100)
                except GroupJoinError:
                    self.polls.append(seconds(app.now))

    one, two = Stubborn(**named("same")), Stubborn(**named("same"))
    group = Group({"one": (0.0, one), "two": (10.0, two)}).fly(25)
    assert len(one.polls) >= 2
    assert len(two.polls) >= 2
    assert one.times("lost")
    assert group.story.these(AppFailed) == []


@pytest.mark.parametrize("pause_s", [3.0, 5.0])
def test_a_listener_slower_than_max_poll_interval_ms_costs_the_membership(pause_s: float) -> None:
    """max.poll.interval.ms is 4 s: it runs on while the listener of a member that has to revoke works."""

    class Slow(Reader):
        def on_partitions_revoked(self, partitions: Sequence[TopicPartition]) -> Steps:
            self._note("revoked", partitions)
            assert self.app is not None
            yield self.app.busy(ms=pause_s * 1000)

    slow = Slow(max_poll_interval_ms=4000)
    group = Group({"slow": (0.0, slow), "two": (10.0, Reader())}).fly(30)
    left = group.story.when(MemberRemoved, reason="left")
    assert [round(time - slow.times("revoked")[0], 1) for time in left] == ([4.0] if pause_s > 4 else [])
    assert sorted(group.owned().values()) == [(0, 1, 2), (3, 4, 5)]
