"""Faults of disks, processors and power: sentences, refusals, and what each does to a flight."""

from collections.abc import Sequence
from statistics import median

import pytest

from sim.machine.clock import SECOND
from sim.observe.witness import Witness
from sim.rules.facts.journal import BrokerRegistered, BrokerStarted, BrokerStopped
from sim.rules.facts.storage import LogDirectoryFailed, UnflushedLost
from sim.world.cluster import ClusterSpec
from sim.world.faults import (
    KINDS,
    BrokerShutdown,
    CpuContention,
    DiskFailed,
    DiskFull,
    DiskSlow,
    DiskStalled,
    Fault,
    PowerFailure,
    StopTheWorldPause,
)
from sim.world.flight import Flight
from sim.world.plan import AppSpec, Plan
from sim.world.topics import Topic
from tests.actors.flights import P, Source
from tests.world.faults.flown import Flown, refusal

SENTENCES: Sequence[tuple[Fault, str]] = (
    (DiskSlow(broker=2, at="3s", lasts="1s"), "disk 0 of broker 2 is 10 times as slow at 3 s, until 4 s"),
    (DiskStalled(broker=2, directory=1, at="3s"), "disk 1 of broker 2 stalls at 3 s, for good"),
    (DiskFull(broker=2, at="3s", lasts="1s"), "disk 0 of broker 2 is full at 3 s, until 4 s"),
    (DiskFailed(broker=2, at="3s", lasts="1s"), "disk 0 of broker 2 fails at 3 s, until 4 s"),
    (CpuContention(broker=1, at="3s", lasts="1s"), "the processor of broker 1 is 4 times as slow at 3 s, until 4 s"),
    (StopTheWorldPause(broker=1, at="3s", lasts="1s"), "broker 1 stops to collect garbage at 3 s, until 4 s"),
    (PowerFailure(brokers=(2,), at="3s", lasts="1s"), "broker 2 loses power at 3 s, until 4 s"),
    (PowerFailure(brokers=(1, 3), at="3s", lasts="1s"), "brokers 1, 3 lose power at 3 s, until 4 s"),
    (PowerFailure(rack="rack-1", at="3s"), "every broker in rack-1 loses power at 3 s, for good"),
    (PowerFailure(at="3s", lasts="1s"), "every broker loses power at 3 s, until 4 s"),
)


@pytest.mark.parametrize(("fault", "sentence"), SENTENCES, ids=[sentence for _, sentence in SENTENCES])
def test_each_fault_prints_as_one_sentence(fault: Fault, sentence: str) -> None:
    assert str(fault) == sentence
    assert type(fault) in KINDS.values()


REFUSED: Sequence[tuple[tuple[Fault, ...], str]] = (
    ((DiskSlow(broker=9, at="1s"),), "there is no broker 9; there are 1, 2, 3"),
    ((DiskFailed(broker=1, directory=2, at="1s"),), "there is no log directory 2; there are 0"),
    ((DiskSlow(broker=1, factor=0, at="1s"),), "factor must be more than 0, such as 10"),
    ((CpuContention(broker=1, factor=-1, at="1s"),), "factor must be more than 0, such as 4"),
    ((StopTheWorldPause(broker=1, at="1s"),), "lasts must say how long"),
    ((PowerFailure(brokers=(1, 7), at="1s"),), "there is no broker 7"),
    ((PowerFailure(rack="rack-9", at="1s"),), "there is no rack with brokers rack-9; did you mean 'rack-3'?"),
    ((PowerFailure(rack="rack-1", brokers=(1,), at="1s"),), "name brokers or a rack, not both"),
    (
        (DiskSlow(broker=1, at="1s"), DiskFailed(broker=1, at="2s")),
        "overlap: both act on disk 0 of broker 1",
    ),
    (
        (PowerFailure(rack="rack-1", at="1s", lasts="9s"), StopTheWorldPause(broker=1, at="2s", lasts="1s")),
        "overlap: both act on the process of every broker",
    ),
)


@pytest.mark.parametrize(("faults", "line"), REFUSED, ids=[line for _, line in REFUSED])
def test_what_cannot_be_is_refused_in_one_line_before_the_run(faults: tuple[Fault, ...], line: str) -> None:
    told = refusal(*faults)
    assert line in told
    assert "\n" not in told


def latencies(flown: Flown, begin: float, end: float) -> float:
    """The median latency of records sent between two times, in milliseconds."""
    pairs = zip(flown.sent, flown.latencies, strict=False)
    return 1000 * median(took for sent, took in pairs if begin <= sent < end)


def test_a_slow_disk_is_slow_for_as_long_as_the_fault_lasts() -> None:
    slow = [DiskSlow(broker=broker, factor=200, at="4s", lasts="4s") for broker in (1, 2, 3)]
    flown = Flown(*slow, seconds=12, every_ms=100, topic_config={"flush.messages": 1})
    before, during, after = (latencies(flown, begin, begin + 3) for begin in (1, 4.5, 8.5))
    # the leader's flush and a follower's, 100 us each, become 20 ms each
    assert during - before == pytest.approx(40, rel=0.15)
    assert after == pytest.approx(before, rel=0.1)


def test_stalled_disks_let_everything_wait_until_the_end_of_the_fault() -> None:
    stalled = [DiskStalled(broker=broker, at="4s", lasts="3s") for broker in (1, 2, 3)]
    flown = Flown(*stalled, seconds=12)
    begin, length = flown.silence()
    assert begin == pytest.approx(4, abs=0.05)
    assert length == pytest.approx(3, abs=0.1)
    assert len(flown.acknowledged) == pytest.approx(len(flown.sent), abs=5)


def test_a_full_disk_with_the_metadata_log_halts_the_broker_which_is_started_when_there_is_room() -> None:
    flown = Flown(DiskFull(broker=2, at="4s", lasts="14s"), seconds=40, request_timeout_ms=2000)
    (stopped,) = flown.when(BrokerStopped)
    assert stopped == pytest.approx(4, abs=0.1)
    assert flown.when(BrokerStarted, broker_id=2)[-1] == 18
    assert flown.when(BrokerRegistered, broker_id=2)[0] > 21
    image = flown.flight.cluster.controller.image
    assert all(set(partition.isr) == {1, 2, 3} for partition in image.partitions.values())


def test_another_disk_that_fails_leaves_the_broker_alive_and_comes_back_with_a_restart() -> None:
    restart = BrokerShutdown(broker=2, at="12s", lasts="0s")
    flown = Flown(DiskFailed(broker=2, directory=1, at="4s", lasts="4s"), restart, seconds=36, log_dirs=2)
    (failed,) = flown.when(LogDirectoryFailed)
    assert failed == pytest.approx(4, abs=0.1)
    assert [round(time) for time in flown.when(BrokerStopped)] == [round(flown.when(BrokerStarted, broker_id=2)[-1])]
    image = flown.flight.cluster.controller.image
    assert all(set(partition.isr) == {1, 2, 3} for partition in image.partitions.values())


def test_contention_slows_requests_down_while_it_lasts() -> None:
    busy = [CpuContention(broker=broker, factor=400, at="4s", lasts="4s") for broker in (1, 2, 3)]
    flown = Flown(*busy, seconds=12, every_ms=200)
    before, during, after = (latencies(flown, begin, begin + 3) for begin in (1, 4.5, 8.5))
    # three requests of some 25 to 30 us each become as many of 10 to 12 ms
    assert 30 < during - before < 40
    assert after == pytest.approx(before, rel=0.1)


def test_a_collection_of_garbage_stops_a_broker_that_then_goes_on() -> None:
    flown = Flown(StopTheWorldPause(broker=1, at="4s", lasts="3s"), seconds=10)
    begin, length = flown.silence()
    assert begin == pytest.approx(4, abs=0.1)
    assert length == pytest.approx(3, abs=0.2)
    assert not flown.when(BrokerStopped)


def test_a_rack_without_power_is_its_brokers_alone() -> None:
    flown = Flown(PowerFailure(rack="rack-2", at="4s", lasts="2s"), seconds=7)
    assert flown.when(BrokerStopped) == [4.0]
    assert flown.when(BrokerStarted)[-1] == 6.0
    assert {fact.broker_id for _, fact in flown.facts if isinstance(fact, UnflushedLost)} == {2}


def test_the_verdict_names_the_power_as_cause_of_what_is_lost() -> None:
    source = Source(50, 12, acks="all", request_timeout_ms=2000)
    plan = Plan(
        duration=30 * SECOND,
        cluster=ClusterSpec(3, 3, {"offsets.topic.num.partitions": 3}),
        topics=(Topic(P.topic, 1, 3, {"min.insync.replicas": 2}),),
        apps=(AppSpec("source", source),),
        faults=(PowerFailure(at="8s", lasts="2s"),),
    )
    flight = Flight(plan, seed=1)
    witness = Witness(flight)
    for _ in flight.fly(30 * SECOND):
        pass
    verdict = witness.verdict()
    told = sum(time < 8 * SECOND for time in source.acknowledged_at.values())
    assert len(verdict.lost) == told > 100
    cause = "not flushed when brokers 1 and 2 and 3 lost their power at 8.000 s"
    assert all(fate.cause.endswith(cause) for fate in verdict.lost)
