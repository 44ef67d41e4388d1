"""AlterPartition: what the controller refuses, and what a leader makes of it."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.rules.controller.election import RECOVERING, PartitionRegistration
from sim.rules.controller.metadata import BrokerRegistration
from sim.rules.errors import ErrorCode
from sim.rules.replication.alter_partition import (
    ProposedIsr,
    alter_partition_answer,
    alter_partition_refusal,
    proposed_isr,
    reaction_to_refusal,
)

BROKERS = {broker: BrokerRegistration(broker, 10 + broker, 1, "rack", fenced=False) for broker in (1, 2, 3)}
PARTITION = PartitionRegistration((1, 2, 3), (1, 2), 1, leader_epoch=4, partition_epoch=7)
PROPOSAL = ProposedIsr(4, 7, (1, 2, 3), (11, 12, 13))


def test_a_proposal_carries_the_epochs_that_its_leader_knows_of_each_member() -> None:
    assert proposed_isr(PARTITION, (1, 2, 3), {1: 11, 2: 12, 3: 13}) == PROPOSAL
    assert proposed_isr(PARTITION, (1, 3), {1: 11, 3: None}).broker_epochs == (11, -1)


def test_accepts_what_the_present_leader_proposes_about_live_brokers() -> None:
    assert alter_partition_refusal(PARTITION, 1, PROPOSAL, BROKERS) is None
    assert alter_partition_refusal(PARTITION, 1, replace(PROPOSAL, broker_epochs=(-1, 12, -1)), BROKERS) is None


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"leader_epoch": 5}, ErrorCode.NOT_CONTROLLER),
        ({"partition_epoch": 8}, ErrorCode.NOT_CONTROLLER),
        ({"leader_epoch": 3}, ErrorCode.FENCED_LEADER_EPOCH),
        ({"partition_epoch": 6}, ErrorCode.INVALID_UPDATE_VERSION),
        ({"isr": (2, 3), "broker_epochs": (12, 13)}, ErrorCode.INVALID_REQUEST),
        ({"isr": (1, 4), "broker_epochs": (11, 14)}, ErrorCode.INVALID_REQUEST),
        ({"isr": (1, 2, 2)}, ErrorCode.INVALID_REQUEST),
        ({"broker_epochs": (11, 9, 13)}, ErrorCode.INELIGIBLE_REPLICA),
        ({"leader_epoch": 3, "partition_epoch": 6}, ErrorCode.FENCED_LEADER_EPOCH),
    ],
)
def test_refuses_what_is_stale_or_impossible(change: dict[str, tuple[int, ...]], error: ErrorCode) -> None:
    assert alter_partition_refusal(PARTITION, 1, replace(PROPOSAL, **change), BROKERS) is error  # type: ignore[arg-type]


def test_refuses_strangers_unknown_partitions_and_fenced_members() -> None:
    assert alter_partition_refusal(PARTITION, 2, PROPOSAL, BROKERS) is ErrorCode.INVALID_REQUEST
    assert alter_partition_refusal(None, 1, PROPOSAL, BROKERS) is ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert alter_partition_refusal(None, 1, PROPOSAL, BROKERS, topic_exists=False) is ErrorCode.UNKNOWN_TOPIC_ID
    for missing in ({3: replace(BROKERS[3], fenced=True)}, {3: replace(BROKERS[3], in_controlled_shutdown=True)}, {}):
        brokers = {1: BROKERS[1], 2: BROKERS[2], **missing}
        assert alter_partition_refusal(PARTITION, 1, PROPOSAL, brokers) is ErrorCode.INELIGIBLE_REPLICA


def test_a_leader_that_recovers_is_alone_and_does_not_begin_anew() -> None:
    recovering = replace(PARTITION, leader_recovery_state=RECOVERING)
    alone = ProposedIsr(4, 7, (1,), (11,), RECOVERING)
    assert alter_partition_refusal(recovering, 1, alone, BROKERS) is None
    assert alter_partition_refusal(recovering, 1, PROPOSAL, BROKERS) is None
    together = replace(PROPOSAL, leader_recovery_state=RECOVERING)
    assert alter_partition_refusal(recovering, 1, together, BROKERS) is ErrorCode.INVALID_REQUEST
    assert alter_partition_refusal(PARTITION, 1, alone, BROKERS) is ErrorCode.INVALID_REQUEST


def test_a_leader_that_completes_its_own_replacement_is_told_so() -> None:
    assert alter_partition_answer(1, PARTITION) is ErrorCode.NONE
    assert alter_partition_answer(1, replace(PARTITION, leader=3)) is ErrorCode.NEW_LEADER_ELECTED


@given(st.integers(0, 8), st.integers(0, 14))
def test_only_the_present_epochs_are_accepted(leader_epoch: int, partition_epoch: int) -> None:
    proposal = replace(PROPOSAL, leader_epoch=leader_epoch, partition_epoch=partition_epoch)
    accepted = alter_partition_refusal(PARTITION, 1, proposal, BROKERS) is None
    assert accepted == ((leader_epoch, partition_epoch) == (4, 7))


def test_a_leader_goes_back_only_when_it_knows_that_nothing_was_written() -> None:
    assert reaction_to_refusal(ErrorCode.INELIGIBLE_REPLICA) == "reset"
    assert reaction_to_refusal(ErrorCode.OPERATION_NOT_ATTEMPTED) == "reset"
    assert reaction_to_refusal(ErrorCode.FENCED_LEADER_EPOCH) == "wait"
    assert reaction_to_refusal(ErrorCode.INVALID_UPDATE_VERSION) == "wait"
    assert reaction_to_refusal(ErrorCode.INVALID_REQUEST) == "wait"
    assert reaction_to_refusal(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION) == "wait"
    assert reaction_to_refusal(ErrorCode.UNKNOWN_TOPIC_ID) == "wait"
    assert reaction_to_refusal(ErrorCode.NEW_LEADER_ELECTED) == "wait"
    assert reaction_to_refusal(ErrorCode.NOT_CONTROLLER) == "retry"
