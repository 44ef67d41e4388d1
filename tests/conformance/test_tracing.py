"""The rules that a family of vectors reaches."""

import sys

import pytest

from sim.conformance.families import ADAPTERS
from sim.conformance.tracing import rules_reached, trace_bundled
from sim.rules.controller.placement import UsableBroker, place_replicas
from sim.rules.producer.partitioner import partition_for_key


def test_functions_methods_and_values_that_take_part_are_named() -> None:
    reached = rules_reached(lambda: place_replicas([UsableBroker(1)], 1, 1, lambda _: 0))
    assert reached >= {
        "controller.placement.place_replicas",
        "controller.placement.UsableBroker",
        "controller.placement._RackList.place",
    }
    assert not any("<" in name for name in reached)
    assert not any(name.startswith("controller.election.") for name in reached)


def test_a_rule_that_remembers_its_answers_counts_each_time() -> None:
    first, second = (rules_reached(lambda: partition_for_key(b"card-7", 6)) for _ in range(2))
    assert "producer.partitioner.partition_for_key" in first
    assert first == second


def test_an_exception_leaves_no_tracing_behind() -> None:
    before = sys.getprofile()
    with pytest.raises(IndexError):
        rules_reached(lambda: [][0])
    assert sys.getprofile() is before


def test_every_family_reaches_rules_of_its_own_subject() -> None:
    traced = {each.result.family: each for each in trace_bundled()}
    assert list(traced) == list(ADAPTERS)
    assert all(each.rules and each.result.passed for each in traced.values())
    assert "storage.truncation.truncation_offset" in traced["truncation"].rules
    assert "controller.election.change_partition" in traced["leader_election_elr"].rules
    assert "config.keys.key_of" in traced["defaults"].rules
