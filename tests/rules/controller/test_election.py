"""Who leads a partition."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.rules.controller.election import (
    NO_LEADER,
    RECOVERED,
    RECOVERING,
    Election,
    PartitionRegistration,
    change_partition,
    election_failure,
    election_refusal,
)
from sim.rules.controller.reassignment import Assignment, reassigned
from sim.rules.errors import ErrorCode

WHOLE = PartitionRegistration((1, 2, 3), isr=(1, 2, 3), leader=1, leader_epoch=10, partition_epoch=20)
BROKERS = st.lists(st.integers(1, 4), max_size=4, unique=True)


def change(partition: PartitionRegistration, *alive: int, **facts: Any) -> PartitionRegistration | None:
    facts.setdefault("min_insync_replicas", 2)
    return change_partition(partition, alive=alive.__contains__, **facts)


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


def test_last_isr_change_completes_a_reassignment_and_moves_the_leader() -> None:
    moving = change(WHOLE, 1, 2, 3, 4, 5, 6, target_assignment=reassigned(WHOLE.assignment, (6, 4, 5)))
    assert moving == replace(
        WHOLE,
        replicas=(6, 4, 5, 1, 2, 3),
        adding_replicas=(4, 5, 6),
        removing_replicas=(1, 2, 3),
        partition_epoch=21,
    )
    assert moving is not None
    nearly = change(moving, 1, 2, 3, 4, 5, 6, target_isr=(1, 2, 3, 4, 5))
    assert nearly == replace(moving, isr=(1, 2, 3, 4, 5), partition_epoch=22)
    assert nearly is not None
    after = change(nearly, 1, 2, 3, 4, 5, 6, target_isr=(1, 2, 3, 4, 5, 6))
    assert after == PartitionRegistration((6, 4, 5), (4, 5, 6), 6, leader_epoch=11, partition_epoch=23)


def test_replicas_on_their_way_in_do_not_count_as_missing() -> None:
    assert not WHOLE.is_under_replicated
    assert replace(WHOLE, isr=(1, 2)).is_under_replicated
    assert not replace(WHOLE, replicas=(1, 2, 3, 4), adding_replicas=(4,)).is_under_replicated


def test_leader_that_stays_gets_a_new_epoch_when_replicas_go_but_not_when_they_come() -> None:
    fewer = change(WHOLE, 1, 2, 3, target_assignment=reassigned(WHOLE.assignment, (1, 2)))
    assert fewer == PartitionRegistration((1, 2), (1, 2), 1, leader_epoch=11, partition_epoch=21)
    more = change(WHOLE, 1, 2, 3, 4, target_assignment=reassigned(WHOLE.assignment, (1, 2, 3, 4)))
    assert more is not None
    assert (more.leader_epoch, more.partition_epoch, more.adding_replicas) == (10, 21, (4,))


def test_new_order_of_preference_moves_no_leader_until_a_preferred_election() -> None:
    after = change(WHOLE, 1, 2, 3, target_assignment=Assignment((3, 2, 1)))
    assert after == replace(WHOLE, replicas=(3, 2, 1), partition_epoch=21)
    assert after is not None
    preferred = change(after, 1, 2, 3, election="preferred")
    assert preferred is not None
    assert preferred.leader == 3


def test_cancelled_move_elects_among_the_old_replicas() -> None:
    moving = replace(WHOLE, replicas=(4, 1, 2), isr=(4, 2), leader=4, adding_replicas=(4,))
    after = change(moving, 1, 2, 4, target_isr=(2,), target_assignment=Assignment((1, 2)), min_insync_replicas=1)
    assert after == PartitionRegistration((1, 2), (2,), 2, leader_epoch=11, partition_epoch=21)


def test_offline_partition_that_loses_a_replica_gets_a_new_epoch_without_a_leader() -> None:
    lost = replace(
        WHOLE, replicas=(1, 2, 3, 4), isr=(2,), leader=NO_LEADER, last_known_elr=(2,), removing_replicas=(4,)
    )
    after = change(lost, target_assignment=Assignment((1, 2, 3)))
    assert after is not None
    assert (after.leader, after.leader_epoch, after.last_known_elr) == (NO_LEADER, 11, (2,))


@pytest.mark.parametrize(
    ("leader", "election", "error"),
    [
        (1, "preferred", ErrorCode.ELECTION_NOT_NEEDED),
        (2, "preferred", None),
        (NO_LEADER, "preferred", None),
        (2, "unclean", ErrorCode.ELECTION_NOT_NEEDED),
        (NO_LEADER, "unclean", None),
    ],
)
def test_election_by_request_must_be_needed(leader: int, election: Election, error: ErrorCode | None) -> None:
    assert election_refusal(replace(WHOLE, leader=leader), election) is error


def test_election_by_request_that_changes_nothing_has_failed() -> None:
    assert election_failure("preferred") is ErrorCode.PREFERRED_LEADER_NOT_AVAILABLE
    assert election_failure("unclean") is ErrorCode.ELIGIBLE_LEADERS_NOT_AVAILABLE


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
