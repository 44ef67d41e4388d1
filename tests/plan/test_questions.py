"""The questions of planners: each has a command that exists and a test that exists; those of plans are here."""

from functools import cache
from pathlib import Path

import pytest

from scenarios import names
from sim.cli.commands import cli
from sim.plan.candidates import Candidate, brokers_needed, candidate, smallest
from sim.plan.failing import copying_s, fly_failover, fly_return
from sim.plan.lagging import drain_capacity, fly_outage
from sim.plan.questions import QUESTIONS, Question
from sim.plan.ramp import at_share
from sim.plan.requirement import read_requirement
from sim.plan.slices import losing, returning, slice_of
from sim.plan.steady import fly_steady

ROOT = Path(__file__).parents[2]
SMALL = {"write": "20MB/s", "growth": "1x", "groups": "1", "hardware": "m5.large"}


def small(brokers: int, **given: str) -> Candidate:
    return candidate(read_requirement(None, SMALL | given), "m5.large", brokers)


def test_there_are_fifteen() -> None:
    assert [each.number for each in QUESTIONS] == list(range(1, 16))


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda each: str(each.number))
def test_each_has_a_command_and_a_test(question: Question) -> None:
    name, verb, *rest = question.command.split()
    assert name == "kafkasim"
    assert verb in cli.commands
    if verb == "plan":
        options = {option for each in cli.commands["plan"].params for option in each.opts}
        assert {word for word in rest if word.startswith("--")} <= options
    else:
        assert rest[0] in names()
    file, _, function = question.test.partition("::")
    assert f"def {function or 'test_'}" in (ROOT / file).read_text(encoding="utf-8")


def test_the_binding_resource_flips_with_groups() -> None:
    found = {}
    for groups in (1, 3):
        needed = brokers_needed(read_requirement(None, {"groups": str(groups), "retention": "1d"}), "m5.large")
        found[groups] = max(needed, key=lambda name: needed[name])
    assert found == {1: "disk", 3: "network out"}


def test_partitions_grow_with_what_consumers_cannot_take() -> None:
    quick = smallest(read_requirement(None, {}), "m5.large")[0]
    slow = smallest(read_requirement(None, {"consumer-rate": "500KB/s"}), "m5.large")[0]
    asked = slow.requirement
    assert slow.partitions > quick.partitions
    assert slow.partitions * asked.consumer_rate * (1 - asked.headroom) >= asked.planned_write
    assert slow.consumers <= slow.partitions


def test_a_group_that_was_away_catches_up() -> None:
    outage = fly_outage(slice_of(small(3)), 0)
    assert outage.times is not None
    assert 0 < outage.times < 10
    assert outage.read_from_disk == 0


def test_a_lost_broker_costs_its_session_and_no_record() -> None:
    lost = fly_failover(losing(small(4)), 0)
    assert 7 <= lost.detected_s <= 11
    assert lost.lost == 0
    assert lost.recovered_s is not None
    assert lost.recovered_s >= lost.outage_s - 1
    assert lost.worst_ms / 1000 == pytest.approx(lost.outage_s, abs=3)


def test_latency_grows_with_load() -> None:
    found = small(3, groups="0", write="200MB/s")
    calm, over = (fly_steady(at_share(found, share), 0, True) for share in (0.6, 1.1))
    assert calm.publish_p99_ms < over.publish_p99_ms
    assert calm.keeps_up
    assert not over.keeps_up


@cache
def returned() -> tuple[Candidate, float, float]:
    found = small(4)
    back = fly_return(returning(found), 0)
    assert back.catch_up_s is not None
    short, long = (copying_s(small(4, retention=kept), back) for kept in ("1d", "7d"))
    assert short is not None
    assert long is not None
    return found, back.catch_up_s, long / short


@pytest.mark.slow
def test_a_broker_that_returns_is_in_sync_again() -> None:
    _, catch_up_s, _ = returned()
    assert 0 < catch_up_s < 30


def test_a_reader_beyond_the_page_cache_has_only_what_writing_leaves() -> None:
    near, far = small(3, outage="1s"), small(3, outage="30d")
    left = far.offer.disk_bytes_per_s - far.traffic.disk
    assert near.cached_s > 1
    assert drain_capacity(far) == pytest.approx(min(drain_capacity(near), far.brokers * left))


@pytest.mark.slow
def test_a_new_broker_copies_longer_the_longer_records_are_kept() -> None:
    _, _, longer = returned()
    assert 5 < longer < 8
