from math import inf
from typing import Any

from sim.rules.facts.journal import BrokerFenced, BrokerUnfenced, GroupChanged, LeaderElected
from sim.rules.topics import TopicPartition
from sim.view.episodes import Reaction, Span, effects, episodes, fault_spans, reactions
from tests.view.made import SECOND, fault


def elected(partition: int, leader: int, topic: str = "payments") -> LeaderElected:
    return LeaderElected(TopicPartition(topic, partition), leader, 1, False)


def test_a_fault_lasts_from_its_beginning_to_its_end_or_to_that_of_the_run() -> None:
    facts = sorted([*fault("broker 2", 60, 90), *fault("detector-2", 70)], key=lambda pair: pair[0])
    assert fault_spans(facts, 100.0) == [
        Span("broker 2 down", 60.0, 90.0, True),
        Span("detector-2 down", 70.0, 100.0, False),
    ]


def test_the_same_fault_twice_is_two_spans() -> None:
    facts = [*fault("broker 2", 10, 20), *fault("broker 2", 30, 40)]
    assert [(span.begin_s, span.end_s) for span in fault_spans(facts, 100.0)] == [(10, 20), (30, 40)]


def test_only_spans_that_overlap_are_merged() -> None:
    spans = [Span("a", 0, 10, True), Span("b", 5, 8, True), Span("c", 10, 12, True), Span("c", 11, 20, False)]
    assert episodes(spans) == [Span("a and b", 0, 10, True), Span("c", 10, 20, False)]


def test_effects_last_until_the_next_fault_begins() -> None:
    one, two = Span("a", 0, 10, True), Span("b", 30, 40, True)
    assert list(effects([one, two])) == [(one, 30), (two, inf)]


def test_reactions_close_together_are_told_as_one() -> None:
    facts: list[tuple[int, Any]] = [(68 * SECOND, elected(n, 3)) for n in range(3)]
    facts += [(68 * SECOND, elected(4, -1)), (68 * SECOND, elected(0, 1, "__consumer_offsets"))]
    facts += [(68 * SECOND, BrokerFenced(2)), (93 * SECOND, BrokerUnfenced(2)), (99 * SECOND, BrokerUnfenced(1))]
    assert reactions(facts) == [
        Reaction(68.0, "broker 2 fenced, 1 partition offline, 3 new leaders"),
        Reaction(93.0, "broker 2 back"),
    ]


def test_a_group_is_told_when_it_is_stable_in_a_new_generation() -> None:
    steps = [(3, "PreparingRebalance", 1), (6, "Stable", 1), (50, "Stable", 1), (60, "CompletingRebalance", 2)]
    facts = [(time * SECOND, GroupChanged("fraud", state, generation, 3)) for time, state, generation in steps]
    facts.append((61 * SECOND, GroupChanged("fraud", "Stable", 2, 1)))
    assert reactions(facts) == [Reaction(6.0, "fraud ready"), Reaction(61.0, "fraud rebalanced: 1 member")]
