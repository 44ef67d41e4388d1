"""The misconceptions: cut short they say nothing wrong, and what their claims count with is right."""

import pytest

import scenarios
from scenarios.misconceptions.adding_partitions_is_safe import expected_share
from scenarios.misconceptions.assignment_orders import steps_back
from scenarios.misconceptions.parts import Diary, Ledger
from sim.rules.topics import TopicPartition

PARTITIONS = [TopicPartition("jobs", number) for number in range(3)]


@pytest.mark.parametrize("name", scenarios.themes()["misconceptions"])
def test_cut_before_anything_happens_it_claims_nothing(name: str) -> None:
    cut = scenarios.find(name).run(until="1ms")
    assert cut.sentences()
    assert cut.claims() == {}


def test_a_diary_knows_what_its_member_owns() -> None:
    diary = Diary()
    diary.on_partitions_assigned(PARTITIONS)
    diary.on_partitions_revoked(PARTITIONS[:1])
    assert (diary.joins, diary.owned, diary.evictions) == (1, 2, 0)
    diary.on_partitions_lost(PARTITIONS[1:])
    assert (diary.joins, diary.owned, diary.evictions) == (1, 0, 1)


def test_the_share_of_a_ledger_is_that_of_the_records_due_in_a_time() -> None:
    ledger = Ledger(due=[0, 10, 20, 30], acknowledged={0: 5, 3: 50})
    assert ledger.share(0, 20) == 0.5
    assert ledger.share(20, 40) == 0.5
    assert ledger.share(10, 30) == 0
    assert ledger.share(50, 60) == 0


@pytest.mark.parametrize(("before", "after", "share"), [(6, 12, 1 / 2), (6, 8, 3 / 4), (12, 16, 3 / 4), (6, 7, 6 / 7)])
def test_share_of_keys_that_another_number_of_partitions_moves(before: int, after: int, share: float) -> None:
    assert expected_share(before, after) == pytest.approx(share)


def test_steps_back() -> None:
    assert steps_back([0, 2, 1, 3, 0]) == 2
    assert steps_back([]) == 0
