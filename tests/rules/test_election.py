"""Who leads a partition."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.rules.election import NO_LEADER, RECOVERED, RECOVERING, PartitionRegistration, change_partition
from tests.vector_files import vectors

WHOLE = PartitionRegistration((1, 2, 3), isr=(1, 2, 3), leader=1, leader_epoch=10, partition_epoch=20)
BROKERS = st.lists(st.integers(1, 4), max_size=4, unique=True)


def tuples(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}


def change(partition: PartitionRegistration, *alive: int, **facts: Any) -> PartitionRegistration | None:
    facts.setdefault("min_insync_replicas", 2)
    return change_partition(partition, alive=alive.__contains__, **facts)


@pytest.mark.parametrize("vector", vectors("leader_election_elr"), ids=lambda vector: vector["id"])
def test_elects_as_kafka(vector: dict[str, Any]) -> None:
    facts = dict(vector["input"])
    alive = facts.pop("alive_unfenced")
    after = change(PartitionRegistration(**tuples(vector["before"])), *alive, **facts)
    expected = tuples(vector["after"])
    if expected.pop("change"):
        assert after is not None
        assert {name: getattr(after, name) for name in expected} == expected
    else:
        assert after is None


def test_last_member_leaves_the_isr_into_the_elr_and_is_remembered() -> None:
    alone = replace(WHOLE, isr=(1,), elr=(2,))
    after = change(alone, 3, target_isr=())
    assert after == replace(
        alone, isr=(), elr=(1, 2), leader=NO_LEADER, last_known_elr=(1,), leader_epoch=11, partition_epoch=21
    )


def test_last_known_leader_comes_back_recovering_when_all_is_lost() -> None:
    lost = replace(WHOLE, isr=(), leader=NO_LEADER, last_known_elr=(3,))
    after = change(lost, 2, 3)
    assert after is not None
    assert (after.leader, after.isr, after.last_known_elr) == (3, (3,), ())
    assert after.leader_recovery_state == RECOVERING
    assert change(lost, 2, 3, elr_enabled=False) is None


def test_last_known_leader_goes_before_an_unclean_one() -> None:
    lost = replace(WHOLE, isr=(), leader=NO_LEADER, last_known_elr=(3,))
    after = change(lost, 2, 3, election="unclean")
    assert after is not None
    assert after.leader == 3


def test_current_leader_stays_although_another_is_first() -> None:
    assert change(replace(WHOLE, leader=3), 1, 2, 3) is None


def test_preferred_election_falls_back_to_any_valid_leader() -> None:
    after = change(replace(WHOLE, leader=2), 3, target_isr=(3,), election="preferred")
    assert after is not None
    assert after.leader == 3


def test_preferred_election_is_never_unclean() -> None:
    after = change(replace(WHOLE, isr=(1,)), 2, 3, election="preferred")
    assert after is not None
    assert (after.leader, after.isr) == (NO_LEADER, (1,))


def test_elr_member_does_not_lead_while_the_isr_has_members() -> None:
    after = change(replace(WHOLE, isr=(1,), elr=(2,)), 2, 3)
    assert after is not None
    assert after.leader == NO_LEADER


def test_reaching_the_minimum_clears_the_elr() -> None:
    after = change(replace(WHOLE, isr=(1,), elr=(2, 3)), 1, 2, target_isr=(1, 2))
    assert after is not None
    assert (after.isr, after.elr) == ((1, 2), ())


def test_unclean_shutdown_keeps_a_broker_out_of_the_elr() -> None:
    after = change(replace(WHOLE, isr=(1, 2)), 1, target_isr=(1,), unclean_shutdown_replicas=[2])
    assert after is not None
    assert after.elr == ()


def test_without_elr_the_isr_is_never_empty() -> None:
    after = change(replace(WHOLE, isr=(1,)), 2, target_isr=(), elr_enabled=False)
    assert after is not None
    assert (after.isr, after.leader, after.last_known_elr) == ((1,), NO_LEADER, ())


def test_leader_reports_that_it_recovered() -> None:
    recovering = replace(WHOLE, leader_recovery_state=RECOVERING)
    after = change(recovering, 1, 2, 3, leader_recovery_state=RECOVERED)
    assert after == replace(WHOLE, partition_epoch=21)
    assert change(recovering, 1, 2, 3, leader_recovery_state=RECOVERING) is None


@given(BROKERS, BROKERS, st.sampled_from(["online", "preferred", "unclean"]), st.booleans(), st.integers(1, 3))
def test_leaders_are_alive_and_epochs_rise(
    alive: list[int], target_isr: list[int], election: Any, elr_enabled: bool, minimum: int
) -> None:
    before = PartitionRegistration((1, 2, 3, 4), isr=(1, 2), leader=1, elr=(3,) if elr_enabled else ())
    if before.leader in alive and before.leader not in target_isr:
        target_isr = [*target_isr, before.leader]
    after = change(
        before,
        *alive,
        target_isr=target_isr,
        election=election,
        elr_enabled=elr_enabled,
        min_insync_replicas=minimum,
    )
    if after is None:
        return
    assert after.leader == NO_LEADER or (after.leader in alive and after.leader in after.isr)
    assert not set(after.isr) & set(after.elr)
    assert after.partition_epoch == before.partition_epoch + 1
    assert after.leader_epoch == before.leader_epoch + (after.leader != before.leader)
    assert after.leader_recovery_state == RECOVERED or election == "unclean"
