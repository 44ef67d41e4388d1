"""What the controller answers to single requests of brokers, and when it takes one for dead."""

import itertools
from typing import Any

from sim.rules.errors import ErrorCode
from sim.rules.facts.journal import BrokerFenced, BrokerRegistered, BrokerUnfenced, IsrChanged
from sim.rules.protocol.controller import (
    AllocateProducerIdsRequest,
    AlterPartitionRequest,
    BrokerHeartbeatRequest,
    BrokerRegistrationRequest,
    FetchMetadataRequest,
)
from sim.rules.protocol.messages import Message
from sim.rules.replication.alter_partition import ProposedIsr
from sim.world.cluster import CONTROLLER_ID
from tests.actors.flights import P, Probe, Sink, Source, Story


def ask(probe: Probe, body: Message) -> Any:
    (answer,) = probe.ask(CONTROLLER_ID, body, wait_s=0.2)
    return answer


def test_new_process_is_refused_while_the_session_of_the_old_one_lasts() -> None:
    story = Story(1)
    probe = Probe(story)
    newcomer = BrokerRegistrationRequest(2, 9, "rack-2")
    assert ask(probe, newcomer).error is ErrorCode.DUPLICATE_BROKER_REGISTRATION
    same = ask(probe, BrokerRegistrationRequest(2, 1, "rack-2"))
    assert same.error is ErrorCode.NONE
    assert same.broker_epoch == 0
    story.broker(2).pause()
    story.fly(12)
    answer = ask(probe, newcomer)
    assert answer.error is ErrorCode.NONE
    assert answer.broker_epoch > 0
    assert len(story.when(BrokerRegistered)) == 1


def test_heartbeat_unfences_only_who_knows_its_registration_and_wants_it() -> None:
    story = Story(2)
    probe = Probe(story)
    story.broker(2).stop()
    story.fly(12)
    epoch = ask(probe, BrokerRegistrationRequest(2, 9, "rack-2")).broker_epoch
    assert ask(probe, BrokerHeartbeatRequest(2, epoch - 1, epoch)).error is ErrorCode.STALE_BROKER_EPOCH
    for offset, wants_fence, caught_up, fenced in (
        (epoch - 1, False, False, True),
        (epoch, True, True, True),
        (epoch, False, True, False),
        (epoch, True, True, True),
    ):
        answer = ask(probe, BrokerHeartbeatRequest(2, epoch, offset, wants_fence))
        assert (answer.is_caught_up, answer.is_fenced) == (caught_up, fenced)
    assert len(story.when(BrokerUnfenced)) == 1
    story.fly(story.now_s + 11)
    assert len(story.when(BrokerFenced, broker_id=2)) >= 2


def test_brokers_that_go_stale_together_are_fenced_one_after_the_other() -> None:
    story = Story(3)
    for broker_id in (1, 2, 3):
        story.broker(broker_id).pause()
    story.fly(14)
    times = story.when(BrokerFenced)
    assert len(times) == 3
    assert all(0.0099 <= later - earlier <= 0.0101 for earlier, later in itertools.pairwise(times))
    image = story.cluster.controller.image.partitions[P]
    assert (image.isr, image.leader) == ((), -1)
    order = [fact.broker_id for fact in story.these(BrokerFenced)]
    assert image.elr == tuple(sorted(order[1:]))
    assert image.last_known_elr == (order[-1],)


def test_proposal_is_checked_against_epochs_and_members() -> None:
    """The last one is forged and accepted; the follower that it throws out joins again at its next fetch."""
    story = Story(4)
    probe, leader = Probe(story), story.first_leader
    gone, other = story.followers
    story.broker(gone).stop()
    story.fly(12)
    image = story.cluster.controller.image.partitions[P]
    right = (image.leader_epoch, image.partition_epoch)

    def outcome(broker_id: int, *proposal: Any, broker_epoch: int = 0) -> ErrorCode:
        request = AlterPartitionRequest(broker_id, broker_epoch, {P: ProposedIsr(*proposal)})
        answer = ask(probe, request)
        error: ErrorCode = answer.error if answer.error is not ErrorCode.NONE else answer.partitions[P].error
        return error

    both, epochs = (leader, other), (0, -1)
    assert outcome(leader, *right, both, epochs, broker_epoch=3) is ErrorCode.STALE_BROKER_EPOCH
    assert outcome(leader, right[0] - 1, right[1], both, epochs) is ErrorCode.FENCED_LEADER_EPOCH
    assert outcome(leader, right[0], right[1] - 1, both, epochs) is ErrorCode.INVALID_UPDATE_VERSION
    assert outcome(other, *right, both, epochs) is ErrorCode.INVALID_REQUEST
    assert outcome(leader, *right, (leader, gone), epochs) is ErrorCode.INELIGIBLE_REPLICA
    assert outcome(leader, *right, both, (0, 8)) is ErrorCode.INELIGIBLE_REPLICA
    changes = len(story.when(IsrChanged))
    assert outcome(leader, *right, both, epochs) is ErrorCode.NONE
    assert len(story.when(IsrChanged)) == changes
    assert outcome(leader, *right, (leader,), (0,)) is ErrorCode.NONE
    shrunk = story.these(IsrChanged)[changes]
    assert (shrunk.isr, shrunk.elr) == ((leader,), (other,))
    story.fly(story.now_s + 1)
    assert story.isr() == {leader, other}


def test_producer_ids_are_for_registered_brokers() -> None:
    story = Story(5)
    probe = Probe(story)
    first, second = (ask(probe, AllocateProducerIdsRequest(broker, 0)) for broker in (1, 2))
    assert (first.first_id, first.length, second.first_id) == (0, 1000, 1000)
    assert ask(probe, AllocateProducerIdsRequest(1, 5)).error is ErrorCode.STALE_BROKER_EPOCH


def test_controller_that_is_dead_for_a_while_is_not_missed() -> None:
    """No error, no fencing, no change of metadata in 12 s; afterwards a broker's death is noticed as ever."""
    source, sink = Source(50, 40, acks="all"), Sink()
    story = Story(6, {"source": source, "sink": sink})
    controller = story.cluster.controller
    story.at(5.3, controller.stop)
    story.at(17.3, controller.start)
    story.fly(24)
    assert source.gaps() == []
    assert story.when(BrokerFenced) == story.when(IsrChanged) == []
    story.at(24.3, story.broker(story.first_leader).stop)
    story.fly(42)
    (fence,) = story.when(BrokerFenced)
    assert 7 <= fence - 24.3 <= 10.2
    assert source.failed == 0
    assert sink.numbers == list(range(len(source.deliveries)))


def test_what_the_controller_had_not_committed_is_lost_with_it() -> None:
    """It dies within the linger of an append that fences a broker that hangs; nobody ever hears of that."""

    def begun() -> Story:
        story = Story(7)
        story.at(5.3, story.broker(story.first_leader).pause)
        return story

    rehearsal = begun()
    rehearsal.fly(17)
    (fence,) = rehearsal.when(BrokerFenced)
    story = begun()
    controller, leader, survivor = story.cluster.controller, story.first_leader, story.followers[1]
    story.at(fence + 0.01, controller.stop)
    story.at(fence + 0.5, story.broker(leader).resume)
    story.at(fence + 1, controller.start)
    story.fly(fence + 0.4)
    assert controller.image.offset > controller.metadata.committed.offset
    story.fly(fence + 3)
    shrunk = AlterPartitionRequest(leader, 0, {P: ProposedIsr(0, 0, (leader, survivor), (0, -1))})
    assert ask(Probe(story), shrunk).partitions[P].error is ErrorCode.NONE
    story.fly(fence + 15)
    assert story.when(BrokerFenced, fence + 1) == []
    for broker in story.cluster.brokers.values():
        known = broker.replicas.partitions.values()
        assert [partition.registration for partition in known] == [controller.image.partitions[p.name] for p in known]
        assert all(set(partition.isr) == {1, 2, 3} for partition in known)


def test_a_restarted_controller_answers_an_idle_fetch_after_half_a_second_as_before() -> None:
    story, fetches = Story(9), list[int]()
    story.at(4, story.cluster.controller.stop)
    story.at(6, story.cluster.controller.start)
    story.at(10, lambda: story.overhear(story.cluster.controller, FetchMetadataRequest, fetches))
    story.fly(14)
    assert 3 * 7 <= len(fetches) <= 3 * 9
