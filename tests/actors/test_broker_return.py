"""A killed broker comes back: refused while its old session lasts, then unfenced, level and in sync again."""

from sim.actors.broker.broker_lifecycle import BrokerState
from sim.rules.facts.journal import BrokerFenced, BrokerRegistered, BrokerUnfenced, IsrChanged, LeaderElected
from sim.rules.protocol.controller import BrokerRegistrationRequest
from sim.rules.protocol.messages import MetadataRequest
from tests.actors.flights import P, Probe, Sink, Source, Story

# Measured on a real cluster after kill -9, in seconds. Restarted after 1 s (six runs): from the kill to the new leader,
# from registering to unfencing, from unfencing to the last full ISR. Restarted after 13.5 s (ten runs): the last of
# these again. The start of the process is not part of any of them.
MEASURED_NEW_LEADER_S = (7.366, 8.640)
MEASURED_UNFENCED_S = (0.060, 0.126)
MEASURED_ISR_FULL_S = (0.074, 0.823)
KILL_S = 10.3


def test_broker_restarted_after_fencing_rejoins_every_isr_at_once() -> None:
    source, sink = Source(50, 32, acks="all"), Sink()
    story = Story(5, {"source": source, "sink": sink})
    dead = story.first_leader
    story.at(KILL_S, story.broker(dead).stop)
    story.at(KILL_S + 13.5, story.broker(dead).start)
    story.fly(35)
    (registered,) = story.when(BrokerRegistered)
    (unfenced,) = story.when(BrokerUnfenced)
    assert 0 < registered - (KILL_S + 13.5 + 3) < 0.01
    assert 0 < unfenced - registered < MEASURED_UNFENCED_S[1]
    last = max(story.when(IsrChanged, unfenced))
    assert 0 < last - unfenced < MEASURED_ISR_FULL_S[1]
    assert all(set(r.isr) == {1, 2, 3} for r in story.cluster.controller.image.partitions.values())
    assert story.logs_agree(story.cluster.partitions()), "offsets are left out: the sink commits while we look"
    assert len(source.gaps()) == 1
    assert source.failed == 0
    assert sink.numbers == list(range(len(source.deliveries)))


def test_broker_restarted_within_its_session_is_refused_until_that_is_over() -> None:
    for seed in (6, 7, 8):
        source = Source(50, 26, acks="all")
        story = Story(seed, {"source": source})
        dead = story.first_leader
        asked: list[int] = []
        story.overhear(story.cluster.controller, BrokerRegistrationRequest, asked)
        story.at(KILL_S, story.broker(dead).stop)
        story.at(KILL_S + 1, story.broker(dead).start)
        story.fly(28)
        (registered,) = story.when(BrokerRegistered)
        assert len(asked) >= 3
        assert 7 < registered - KILL_S < 11.2
        (elected, *_) = story.when(LeaderElected, KILL_S, partition=P)
        assert 7 < elected - KILL_S < 10.2
        assert elected <= registered
        ((_, gap),) = source.gaps()
        assert gap > elected - KILL_S
        assert all(fence < registered for fence in story.when(BrokerFenced))
        assert all(set(r.isr) == {1, 2, 3} for r in story.cluster.controller.image.partitions.values())
        assert story.logs_agree()
        assert source.failed == 0


def test_return_in_time_for_its_registration_to_move_the_leader() -> None:
    """If the session ends between two looks of the controller, the new registration removes the old life from ISRs."""
    moved = []
    for seed in range(20, 32):
        story = Story(seed)
        dead = story.first_leader
        story.at(KILL_S, story.broker(dead).stop)
        story.at(KILL_S + 3.6, story.broker(dead).start)
        story.fly(24)
        (registered,) = story.when(BrokerRegistered)
        (elected,) = story.when(LeaderElected, KILL_S, partition=P)
        if not story.when(BrokerFenced):
            assert elected == registered
            moved.append(seed)
        assert story.isr() == {1, 2, 3}
    assert 0 < len(moved) < 12


def test_broker_answers_nobody_before_it_is_unfenced() -> None:
    """While its registration is refused its metadata still calls it leader, but clients cannot reach it."""
    story = Story(9)
    dead = story.first_leader
    story.at(KILL_S, story.broker(dead).stop)
    story.at(KILL_S + 0.5, story.broker(dead).start)
    story.fly(15)
    returned = story.broker(dead)
    assert returned.replicas.partitions[P].is_leader
    assert returned.lifecycle.state is BrokerState.STARTING
    assert returned.epoch == -1
    probe = Probe(story)
    assert probe.ask(dead, MetadataRequest()) == [], "the connection is refused"
    story.fly(25)
    (answer,) = probe.ask(dead, MetadataRequest())
    assert not hasattr(answer, "error")


def test_returning_follower_is_acknowledged_but_leads_nothing_before_it_registers() -> None:
    """A follower's new process fetches as soon as it has metadata: acks=all goes on while it is still in the ISR."""
    source = Source(50, 26, acks="all")
    story = Story(10, {"source": source})
    dead = story.followers[0]
    story.at(KILL_S, story.broker(dead).stop)
    story.at(KILL_S + 1, story.broker(dead).start)
    story.fly(28)
    ((_, gap),) = source.gaps()
    assert 3.9 < gap < 6
    assert story.isr() == {1, 2, 3}
    assert story.logs_agree()


def test_quiet_partitions_rejoin_too() -> None:
    """Nothing is ever written to them, so no fetch names them after the first; each fetch still counts for them."""
    story = Story(11, brokers=3, broker_config={"offsets.topic.num.partitions": 20})
    dead = story.first_leader
    story.at(KILL_S, story.broker(dead).stop)
    story.at(KILL_S + 12, story.broker(dead).start)
    story.fly(28)
    (unfenced,) = story.when(BrokerUnfenced)
    assert all(set(r.isr) == {1, 2, 3} for r in story.cluster.controller.image.partitions.values())
    assert max(story.when(IsrChanged)) - unfenced < MEASURED_ISR_FULL_S[1]
    assert MEASURED_NEW_LEADER_S[0] - 0.4 < story.when(LeaderElected, KILL_S)[0] - KILL_S < 10.2
