"""What configurations allow, and for each allowance a configuration that does not have it."""

from dataclasses import replace

import pytest

from sim.observe.allowances import of_producer, of_topic
from sim.observe.problems import Problem
from sim.observe.troubles import Troubles, troubles_of
from sim.rules.config import ProducerConfig, TopicConfig
from sim.world import faults
from sim.world.faults import Fault
from sim.world.flight import Flight
from sim.world.script import plan_of
from tests.world.script.files import script

CALM, MOVES, BREAKS = Troubles(), Troubles(leaders_move=True, requests_break=True), Troubles(requests_break=True)
LOST, DUPLICATED, REORDERED, UNDELIVERED = "lost", "duplicated", "reordered", "undelivered"


@pytest.mark.parametrize(
    ("config", "troubles", "allowed"),
    [
        ({}, MOVES, []),
        ({"acks": "1"}, MOVES, [LOST, DUPLICATED, REORDERED]),
        ({"acks": "1"}, BREAKS, [DUPLICATED, REORDERED]),
        ({"acks": "1"}, CALM, []),
        ({"acks": "1", "retries": 0}, MOVES, [LOST]),
        ({"acks": "0"}, MOVES, [LOST]),
        ({"acks": "0"}, BREAKS, [LOST]),
        ({"acks": "0"}, CALM, []),
        ({"enable.idempotence": False}, BREAKS, [DUPLICATED, REORDERED]),
        ({"enable.idempotence": False}, CALM, []),
        ({"enable.idempotence": False, "max.in.flight.requests.per.connection": 1}, BREAKS, [DUPLICATED]),
        ({"enable.idempotence": False, "retries": 0}, BREAKS, []),
        ({"transactional.id": "t"}, MOVES, []),
    ],
)
def test_of_a_producer(config: dict[str, object], troubles: Troubles, allowed: list[str]) -> None:
    assert [fate for fate, _ in of_producer(ProducerConfig.of(config), troubles)] == allowed


UNCLEAN = {"unclean.leader.election.enable": True}


@pytest.mark.parametrize(
    ("replicas", "configs", "troubles", "allowed"),
    [
        (3, [{}], MOVES, []),
        (3, [UNCLEAN], MOVES, [LOST, UNDELIVERED]),
        (3, [{}, UNCLEAN], MOVES, [LOST, UNDELIVERED]),
        (3, [UNCLEAN], BREAKS, []),
        (1, [UNCLEAN], MOVES, []),
        (3, [{"min.insync.replicas": 2}], Troubles(powerless=frozenset({1})), []),
        (3, [{"min.insync.replicas": 2}], Troubles(powerless=frozenset({1, 2})), [LOST, UNDELIVERED]),
        (3, [{"min.insync.replicas": 1}], Troubles(powerless=frozenset({1})), [LOST, UNDELIVERED]),
        (3, [{"min.insync.replicas": 2}, {}], Troubles(powerless=frozenset({1})), [LOST, UNDELIVERED]),
        (3, [{"flush.messages": 1}], Troubles(powerless=frozenset({1, 2, 3})), []),
        (3, [{"retention.ms": 5000}], CALM, [UNDELIVERED]),
        (3, [{}, {"retention.ms": 5000}], CALM, [UNDELIVERED]),
        (3, [{"retention.bytes": 5000}], CALM, [UNDELIVERED]),
        (3, [{"retention.ms": 5000, "cleanup.policy": "compact"}], CALM, []),
    ],
)
def test_of_a_topic(replicas: int, configs: list[dict[str, object]], troubles: Troubles, allowed: list[str]) -> None:
    of = [TopicConfig.of(config) for config in configs]
    assert [fate for fate, _ in of_topic(replicas, of, troubles)] == allowed


APPS = '[[producers]]\nname = "shop"\ntopics = "orders"\n'
TIMES = {"at": "1s", "lasts": "1s"}


@pytest.mark.parametrize(
    ("fault", "troubles"),
    [
        (faults.BrokerCrash(broker=1, **TIMES), MOVES),
        (faults.StopTheWorldPause(broker=1, **TIMES), MOVES),
        (faults.ControllerHang(**TIMES), MOVES),
        (faults.DiskStalled(broker=1, **TIMES), MOVES),
        (faults.RollingRestart(at="1s"), MOVES),
        (faults.NetworkPartition(side=("broker-1",), other=("broker-2",), **TIMES), MOVES),
        (faults.LossyLink(side=("controllers",), **TIMES), MOVES),
        (faults.NetworkPartition(side=("broker-1",), other=("clients",), **TIMES), BREAKS),
        (faults.CloggedLink(side=("shop",), other=("brokers",), **TIMES), BREAKS),
        (faults.CpuContention(broker=1, **TIMES), BREAKS),
        (faults.DiskSlow(broker=1, **TIMES), BREAKS),
        (faults.AppCrash(app="shop", **TIMES), CALM),
        (faults.TrafficBurst(app="shop", **TIMES), CALM),
        (faults.PoisonRecord(topic="orders", at="1s"), CALM),
        (faults.AppHang(app="shop", **TIMES), Troubles(frozen=frozenset({"shop"}))),
        (faults.PowerFailure(brokers=(2,), **TIMES), Troubles(True, True, powerless=frozenset({2}))),
        (faults.PowerFailure(rack="rack-3", **TIMES), Troubles(True, True, powerless=frozenset({3}))),
        (
            faults.ConfigChange(topic="orders", key="min.insync.replicas", value="1", **TIMES),
            Troubles(changes=(("orders", "min.insync.replicas", "1"),)),
        ),
    ],
)
def test_what_faults_may_lead_to(fault: Fault, troubles: Troubles) -> None:
    plan = plan_of(script(APPS))
    assert troubles_of(Flight(replace(plan, faults=(fault,)), 1)) == troubles


def test_a_hang_breaks_the_requests_of_one_application_only() -> None:
    troubles = Troubles(frozen=frozenset({"shop"}))
    assert troubles.of("shop").requests_break
    assert not troubles.of("till").requests_break


def test_a_problem_without_a_reason_is_unexplained() -> None:
    assert Problem("lost", "orders", "one").reason is None
