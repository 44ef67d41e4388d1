"""What a source of numbered records notes, and when facts are announced."""

from math import inf

from sim.machine.clock import SECOND
from sim.rules.facts.journal import BrokerFenced, LeaderElected
from sim.rules.topics import TopicPartition
from sim.teach.interview.records import Sent, first_s, small, so_far, writer
from sim.world.cluster import ClusterSpec
from sim.world.faults import BrokerCrash
from sim.world.plan import AppSpec, Plan
from sim.world.settings import Settings
from sim.world.topics import Topic

ORDERS = TopicPartition("orders", 0)


def test_it_counts_acknowledgements_and_the_longest_time_without_one() -> None:
    sent = Sent(5, {0: SECOND, 1: 2 * SECOND, 2: 5 * SECOND}, {3: 6 * SECOND})
    found = sent.figures()
    assert (found["sent"], found["acknowledged"], found["given_up"]) == (5, 3, 1)
    assert (found["silence_s"], found["silent_from_s"], found["acknowledged_s"]) == (3, 2, [1, 2, 5])
    assert Sent().figures()["silence_s"] == 0


def test_so_far_begins_at_none() -> None:
    assert so_far([2.0, 3.5], 1.0) == [(1.0, 0), (2.0, 1), (3.5, 2)]
    assert so_far([]) == [(0.0, 0)]


def test_a_source_sends_its_records_and_facts_are_found_by_their_fields() -> None:
    sent = Sent()

    def plan(_: Settings) -> Plan:
        """A leader dies."""
        return Plan(
            duration=20 * SECOND,
            cluster=ClusterSpec(group_topics=False),
            topics=(Topic("orders", 1, 3, replicas=((1, 2, 3),)),),
            apps=(AppSpec("shop", writer("orders", 10, 4, sent, begins_s=1), finite=True),),
            faults=(BrokerCrash(broker=1, at="5s"),),
        )

    run = small("guide", plan).run()
    assert (run.scenario.name, run.scenario.summary) == ("interview-guide", "A leader dies.")
    assert sorted(sent.acknowledged) == list(range(40))
    assert sent.given_up == {}
    assert min(sent.acknowledged.values()) >= SECOND
    fenced_s = first_s(run, BrokerFenced, broker_id=1)
    assert 5 < fenced_s < 16
    assert first_s(run, LeaderElected, 5, partition=ORDERS) == fenced_s
    assert first_s(run, BrokerFenced, fenced_s, broker_id=1) == inf
    assert first_s(run, BrokerFenced, broker_id=2) == inf
