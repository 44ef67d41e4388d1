"""A metadata quorum of several controllers: deaths, partitions, hangs, and what the brokers notice of them."""

from itertools import pairwise

import pytest

from sim.machine.machine import Machine
from sim.observe.journal import Journal
from sim.rules.controller.metadata import TopicRecord
from sim.rules.errors import ConfigError, ErrorCode
from sim.rules.facts.journal import BrokerFenced, BrokerUnfenced, IsrChanged
from sim.rules.facts.quorum import ControllerElected, ControllerResigned
from sim.rules.protocol.controller import AllocateProducerIdsRequest, AllocateProducerIdsResponse, FetchMetadataRequest
from sim.rules.protocol.messages import ErrorResponse
from sim.rules.protocol.raft import QuorumResponse
from sim.rules.protocol.topic import CreateTopicsRequest, CreateTopicsResponse, NewTopic
from sim.rules.raft.quorum_state import Role
from sim.world.cluster import Cluster, ClusterSpec
from tests.actors.controller.quorums import Quorum
from tests.actors.flights import Probe, Source


def create(name: str) -> CreateTopicsRequest:
    return CreateTopicsRequest([NewTopic(name, 1, 1)])


@pytest.mark.parametrize("count", [0, 2, 4, 7])
def test_a_quorum_has_one_or_three_or_five_voters(count: int) -> None:
    with pytest.raises(ConfigError, match=f"a cluster has 1, 3 or 5 controllers, not {count}"):
        Cluster(Machine(1), ClusterSpec(controllers=count), [])


def test_an_idle_quorum_keeps_its_leader_and_announces_nothing() -> None:
    story = Quorum(1)
    story.watch(20, 500)
    assert (story.leaders(), story.elections(), story.when(ControllerResigned)) == ([100], [], [])
    assert {one.raft.state.epoch for one in story.cluster.controllers.values()} == {1}


@pytest.mark.parametrize("seed", range(5))
def test_a_dead_leader_is_followed_by_another_within_fetch_and_election_time_outs(seed: int) -> None:
    story = Quorum(seed)
    story.at(5, story.controller(100).stop)
    story.watch(12)
    (elected,) = story.when(ControllerElected)
    assert 1.4 < elected - 5 < 4.1
    ((leader, epoch),) = story.elections()
    assert leader in (101, 102)
    assert epoch >= 2
    assert story.cluster.controller is story.controller(leader)
    assert story.broker(1).metadata.leader_id == leader


def test_brokers_and_clients_go_on_through_a_failover_and_broker_sessions_begin_anew() -> None:
    source = Source(50, 20)
    story = Quorum(3, brokers=3, apps={"source": source})
    dead = story.followers[0]
    story.at(5, story.controller(100).stop)
    story.at(5, story.broker(dead).stop)
    story.fly(20)
    (elected,), (fenced,) = story.when(ControllerElected), story.when(BrokerFenced)
    assert story.these(BrokerFenced)[0].broker_id == dead
    assert 9 <= fenced - elected < 9 + 1.2
    assert [start for start, _ in source.gaps()] == pytest.approx([4.95], abs=0.06)
    story.broker(dead).start()
    story.at(21, story.controller(100).start)
    story.fly(34)
    assert story.when(BrokerUnfenced, broker_id=dead)
    assert story.isr() == {1, 2, 3}
    assert source.failed == 0
    assert story.controller(100).metadata.disk.end == story.cluster.controller.metadata.disk.end
    assert len(story.elections()) == 1


def test_brokers_stay_unfenced_while_only_the_leader_dies() -> None:
    source = Source(50, 25)
    story = Quorum(4, brokers=3, apps={"source": source})
    story.at(5, story.controller(100).stop)
    story.fly(26)
    assert story.when(BrokerFenced) == []
    assert (source.failed, source.gaps()) == (0, [])


def test_without_a_majority_there_is_no_leader_and_no_change_but_data_flow_on() -> None:
    source = Source(50, 30)
    story = Quorum(5, brokers=3, apps={"source": source})
    probe = Probe(story)
    story.at(5, story.controller(100).stop)
    story.at(5, story.controller(102).stop)
    story.at(8, story.broker(story.followers[0]).pause)
    story.at(9, story.broker(story.followers[0]).resume)
    story.fly(29)
    assert probe.ask(101, create("late")) == [ErrorResponse(ErrorCode.NOT_CONTROLLER)]
    assert probe.ask(1, create("late")) == []
    assert (story.leaders(), story.elections()) == ([], [])
    assert (story.when(BrokerFenced), story.when(IsrChanged)) == ([], [])
    assert source.failed == 0
    assert all(length < 1.1 for _, length in source.gaps())
    end = story.controller(101).metadata.disk.end
    assert end.epoch == 1
    story.controller(102).start()
    story.fly(story.now_s + 8)
    assert len(story.elections()) == 1
    assert story.cluster.controller.metadata.committed.offset > end.offset
    assert "late" in story.cluster.controller.image.partition_counts


@pytest.mark.parametrize("seed", range(3))
def test_an_isolated_leader_resigns_and_what_it_wrote_is_cut_off_when_it_returns(seed: int) -> None:
    story = Quorum(seed)
    old = story.controller(100)
    story.at(5, lambda: story.cut(100))
    story.at(5.1, lambda: old.write([TopicRecord("lost")]))
    story.watch(15)
    assert "lost" in old.image.topic_ids
    assert not old.active
    (resigned,) = story.when(ControllerResigned, controller_id=100, epoch=1)
    assert 2.4 < resigned - 5 < 3.1
    new = story.cluster.controller
    assert new is not old
    assert story.broker(1).metadata.leader_id == new.node_id
    new.write([TopicRecord("kept")])
    story.at(16, lambda: story.cut(100, up=True))
    story.watch(24)
    assert "lost" not in old.image.topic_ids
    assert "kept" in old.metadata.committed.topic_ids
    assert old.metadata.disk.end == new.metadata.disk.end
    assert story.leaders() == [new.node_id]


def test_whoever_waits_for_a_commit_that_never_comes_is_told_to_look_elsewhere() -> None:
    story = Quorum(6)
    probe = Probe(story)
    for node_id in (101, 102):
        story.controller(node_id).pause()
    assert probe.ask(100, create("lost"), wait_s=2.0) == []
    answers = probe.ask(100, create("late"), wait_s=0.1)
    story.fly(4)
    assert answers == [ErrorResponse(ErrorCode.NOT_CONTROLLER)]
    assert probe.ask(100, create("later")) == [ErrorResponse(ErrorCode.NOT_CONTROLLER)]
    for node_id in (101, 102):
        story.controller(node_id).resume()
    story.watch(12)
    assert len(story.leaders()) == 1
    assert len({one.metadata.disk.end for one in story.cluster.controllers.values()}) == 1
    (answer,) = probe.ask(story.leaders()[0], create("found"), wait_s=1.0)
    assert isinstance(answer, CreateTopicsResponse)
    assert answer.topics["found"].error is ErrorCode.NONE


def test_a_leader_that_hung_is_deposed_when_it_goes_on() -> None:
    story = Quorum(7)
    story.at(5, story.controller(100).pause)
    story.watch(11)
    ((leader, epoch),) = story.elections()
    story.controller(100).resume()
    story.watch(14)
    old = story.controller(100)
    assert (old.raft.state.role, old.raft.state.epoch, old.raft.state.leader_id) == (Role.FOLLOWER, epoch, leader)
    assert story.when(ControllerResigned, controller_id=100, epoch=1)
    assert len(story.elections()) == 1


def test_fetches_of_another_epoch_are_refused_with_the_leader_and_its_epoch() -> None:
    story = Quorum(8)
    probe = Probe(story)
    assert probe.ask(100, FetchMetadataRequest(1, 0, epoch=0)) == [
        QuorumResponse(ErrorCode.FENCED_LEADER_EPOCH, 1, 100)
    ]
    assert probe.ask(100, FetchMetadataRequest(1, 0, epoch=2)) == [
        QuorumResponse(ErrorCode.UNKNOWN_LEADER_EPOCH, 1, 100)
    ]
    assert probe.ask(101, FetchMetadataRequest(1, 0, epoch=1)) == [
        QuorumResponse(ErrorCode.NOT_LEADER_OR_FOLLOWER, 1, 100)
    ]


@pytest.mark.parametrize("seed", range(3))
def test_a_follower_that_was_cut_off_returns_without_raising_the_epoch(seed: int) -> None:
    story = Quorum(seed)
    story.at(5, lambda: story.cut(102))
    story.fly(20)
    assert story.controller(102).raft.state.epoch == 1
    story.cut(102, up=True)
    story.at(26, lambda: story.controller(100).write([TopicRecord("news")]))
    story.watch(30)
    assert (story.leaders(), story.elections()) == ([100], [])
    assert story.controller(102).raft.state.epoch == 1
    assert "news" in story.controller(102).metadata.committed.topic_ids


@pytest.mark.parametrize("seed", range(5))
def test_a_voter_that_lacks_what_is_committed_is_not_elected(seed: int) -> None:
    story = Quorum(seed)
    story.at(5, lambda: story.cut(102))
    story.at(6, lambda: story.controller(100).write([TopicRecord("kept")]))
    story.at(8, lambda: story.cut(102, up=True))
    story.at(8, story.controller(100).stop)
    story.watch(18)
    assert story.leaders() == [101]
    assert all("kept" in story.controller(node_id).metadata.committed.topic_ids for node_id in (101, 102))


def test_five_controllers_survive_two_deaths_but_not_a_third() -> None:
    story = Quorum(9, controllers=5)
    for death_s in (5, 12, 19):
        story.watch(death_s)
        story.controller(story.leaders()[0]).stop()
    story.watch(30)
    assert len(story.elections()) == 2
    assert story.leaders() == []


def test_producer_ids_are_never_given_out_twice() -> None:
    story = Quorum(10)
    probe = Probe(story)
    epoch = story.cluster.controller.image.brokers[1].broker_epoch
    first_ids = []
    for _ in range(3):
        (answer,) = probe.ask(story.leaders()[0], AllocateProducerIdsRequest(1, epoch), wait_s=0.5)
        assert isinstance(answer, AllocateProducerIdsResponse)
        first_ids.append(answer.first_id)
        leader = story.controller(story.leaders()[0])
        leader.stop()
        story.fly(story.now_s + 6)
        leader.start()
    assert first_ids == sorted(set(first_ids))
    assert all(later - earlier >= 1000 for earlier, later in pairwise(first_ids))


def journal_of(seed: int) -> str:
    story = Quorum(seed, brokers=3, apps={"source": Source(50, 15)})
    journal = Journal(story.machine.facts)
    story.at(5, story.controller(100).stop)
    story.at(9, lambda: story.cut(101))
    story.at(13, lambda: story.cut(101, up=True))
    story.fly(18)
    journal.close(int(story.machine.clock.now), story.cluster)
    return journal.sha256()


def test_the_same_seed_gives_the_same_run_to_the_last_fact() -> None:
    assert journal_of(11) == journal_of(11)
    assert journal_of(11) != journal_of(12)
