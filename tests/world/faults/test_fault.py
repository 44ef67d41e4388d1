"""Faults as values: sentences, times, contradictions, and one clear line for what cannot be."""

import random
from collections.abc import Sequence

import pytest

from sim.machine.clock import SECOND
from sim.rules.errors import ConfigError
from sim.world.faults import (
    KINDS,
    AppCrash,
    BrokerCrash,
    BrokerHang,
    BrokerShutdown,
    ClockSkew,
    CloggedLink,
    ConfigChange,
    ControllerCrash,
    Fault,
    KeySkew,
    LatencySpike,
    LossyLink,
    NetworkPartition,
    PoisonRecord,
    RollingRestart,
    SlowHandler,
    TrafficBurst,
    ZombieProducer,
    at_random,
    check_schedule,
    repeated,
)
from tests.world.faults.flown import Flown, refusal

SENTENCES: Sequence[tuple[Fault, str]] = (
    (BrokerCrash(broker=2, at="12s", lasts="6s"), "broker 2 crashes at 12 s, until 18 s"),
    (BrokerHang(broker=1, at="1500ms"), "broker 1 hangs at 1.5 s, for good"),
    (BrokerShutdown(broker=3, at="1m", lasts="5s"), "broker 3 is shut down at 1 min 00 s, until 1 min 05 s"),
    (RollingRestart(at="5s"), "every broker is restarted in turn at 5 s, until all are in sync again"),
    (RollingRestart(at="5s", brokers=(1, 3)), "brokers 1, 3 are restarted in turn at 5 s, until all are in sync again"),
    (ControllerCrash(at="2s", lasts="12s"), "controller 100 crashes at 2 s, until 14 s"),
    (
        NetworkPartition(side=("broker-1",), other=("brokers", "controllers"), at="3s", lasts="20s"),
        "the network between broker-1 and brokers and controllers is cut at 3 s, until 23 s",
    ),
    (
        NetworkPartition(side=("shop",), one_way=True, at="3s", lasts="1s"),
        "the network from shop to everybody else is cut at 3 s, until 4 s",
    ),
    (
        LatencySpike(side=("clients",), latency="80ms", at="3s", lasts="1s"),
        "the network between clients and everybody else is slower by 80ms at 3 s, until 4 s",
    ),
    (
        LossyLink(side=("broker-2",), loss=0.05, at="3s", lasts="1s"),
        "the network between broker-2 and everybody else loses 0.05 of all messages at 3 s, until 4 s",
    ),
    (
        CloggedLink(side=("broker-2",), bytes_per_s=50_000, at="3s", lasts="1s"),
        "the network between broker-2 and everybody else carries 50,000 bytes per second only at 3 s, until 4 s",
    ),
    (ZombieProducer(app="shop", at="3s", lasts="1s"), "shop hangs and is replaced by a twin at 3 s, until 4 s"),
    (SlowHandler(app="reader", factor=20, at="3s", lasts="1s"), "reader works 20 times as slowly at 3 s, until 4 s"),
    (ClockSkew(app="shop", by="-1h", at="3s", lasts="1s"), "the clock of shop is 1h behind at 3 s, until 4 s"),
    (PoisonRecord(topic="orders", at="3s"), "orders-0 gets a poison record at 3 s, for good"),
    (TrafficBurst(app="shop", at="3s", lasts="1s"), "the traffic of shop is 5 times as dense at 3 s, until 4 s"),
    (KeySkew(app="shop", share=0.9, at="3s", lasts="1s"), "90% of what shop sends gets the key hot at 3 s, until 4 s"),
    (
        ConfigChange(topic="orders", key="min.insync.replicas", value="3", at="3s", lasts="1s"),
        "min.insync.replicas of orders becomes 3 at 3 s, until 4 s",
    ),
)


@pytest.mark.parametrize(("fault", "sentence"), SENTENCES, ids=[sentence for _, sentence in SENTENCES])
def test_each_fault_prints_as_one_sentence(fault: Fault, sentence: str) -> None:
    assert str(fault) == sentence


def test_every_kind_has_a_name_of_its_own() -> None:
    assert len(set(KINDS.values())) == len(KINDS)
    assert {type(fault) for fault, _ in SENTENCES} <= set(KINDS.values())


def test_a_fault_is_repeated_at_even_times() -> None:
    crashes = repeated(BrokerCrash(broker=1, at="10s", lasts="2s"), every="30s", times=3)
    assert [(crash.begins, crash.ends) for crash in crashes] == [
        (second * SECOND, (second + 2) * SECOND) for second in (10, 40, 70)
    ]


def test_a_fault_placed_by_chance_lies_between_and_follows_from_the_seed() -> None:
    crash = BrokerCrash(broker=1, at="0s")
    drawn = [at_random(crash, random.Random(seed), ("5s", "9s"), ("1s", "2s")) for seed in range(50)]
    assert all(5 * SECOND <= each.begins <= 9 * SECOND for each in drawn)
    assert all(SECOND <= (each.ends or 0) - each.begins <= 2 * SECOND for each in drawn)
    assert len({each.begins for each in drawn}) > 40
    assert drawn == [at_random(crash, random.Random(seed), ("5s", "9s"), ("1s", "2s")) for seed in range(50)]


REFUSED: Sequence[tuple[tuple[Fault, ...], str]] = (
    ((BrokerCrash(broker=9, at="1s"),), "there is no broker 9; there are 1, 2, 3"),
    ((AppCrash(app="shp", at="1s"),), "there is no application shp; did you mean 'shop'?"),
    ((ControllerCrash(controller=7, at="1s"),), "there is no controller 7; there are 100"),
    ((NetworkPartition(side=("brokr-1",), at="1s"),), "there is no host brokr-1; did you mean 'broker-1'?"),
    ((NetworkPartition(side=(), at="1s"),), "name hosts on one side, and others on the other"),
    ((LossyLink(side=("broker-1",), loss=1.5, at="1s"),), "loss is a share between 0 and 1"),
    ((CloggedLink(side=("broker-1",), bytes_per_s=0, at="1s"),), "bytes_per_s must be more than 0"),
    ((TrafficBurst(app="shop", factor=0, at="1s"),), "factor must be more than 0"),
    ((KeySkew(app="shop", share=2, at="1s"),), "share must be more than 0 and at most 1"),
    ((PoisonRecord(topic="orders", partition=5, at="1s"),), "there is no partition 5; there are 0, 1"),
    ((ConfigChange(topic="order", key="retention.ms", value="1", at="1s"),), "did you mean 'orders'?"),
    ((ConfigChange(topic="orders", key="retention.sm", value="1", at="1s"),), "retention.ms"),
    ((BrokerCrash(broker=1, at="5m"),), "begins after the end of the run"),
    ((BrokerCrash(broker=1, at="1 year"),), "fault BrokerCrash: at: '1 year' is not a duration"),
    (
        (BrokerCrash(broker=1, at="1s", lasts="5s"), BrokerHang(broker=1, at="4s", lasts="9s")),
        "overlap: both act on the process of broker 1",
    ),
    (
        (RollingRestart(at="1s"), BrokerHang(broker=1, at="4s", lasts="9s")),
        "overlap: both act on the process of every broker",
    ),
)


@pytest.mark.parametrize(("faults", "line"), REFUSED, ids=[line for _, line in REFUSED])
def test_what_cannot_be_is_refused_in_one_line_before_the_run(faults: tuple[Fault, ...], line: str) -> None:
    told = refusal(*faults)
    assert line in told
    assert "\n" not in told


def test_cuts_that_read_alike_are_two_and_the_same_cut_twice_is_refused() -> None:
    cut = NetworkPartition(side=("broker-1",), at="1000ms", lasts="1000ms")
    later = NetworkPartition(side=("broker-1",), at="1001ms", lasts="1000ms")
    assert str(cut) == str(later)
    assert Flown(cut, later, seconds=3).acknowledged
    assert "is planned twice" in refusal(cut, cut)


def test_faults_one_after_the_other_or_on_others_do_not_contradict() -> None:
    one = BrokerCrash(broker=1, at="1s", lasts="5s")
    check_schedule([one, BrokerHang(broker=1, at="6s", lasts="9s"), BrokerHang(broker=2, at="2s")], 10 * SECOND)
    with pytest.raises(ConfigError):
        check_schedule([one, BrokerHang(broker=1, at="5999ms")], 10 * SECOND)
