"""What each fault does to a flight, in numbers."""

from itertools import pairwise

import pytest

from sim.rules.facts.app import AppStarted
from sim.rules.facts.journal import (
    BrokerFenced,
    BrokerRegistered,
    BrokerStarted,
    BrokerStopped,
    FaultBegan,
    FaultEnded,
    IsrChanged,
    LeaderElected,
    RecordsAcknowledged,
)
from sim.rules.facts.topic import TopicConfigChanged
from sim.world.faults import (
    BrokerCrash,
    BrokerShutdown,
    ClockSkew,
    CloggedLink,
    ConfigChange,
    ControllerCrash,
    ControllerHang,
    KeySkew,
    LatencySpike,
    LossyLink,
    NetworkPartition,
    PoisonRecord,
    RollingRestart,
    SlowHandler,
    TrafficBurst,
    ZombieProducer,
)
from tests.world.faults.flown import Flown


def between(times: list[float], begin: float, end: float) -> list[float]:
    return [time for time in times if begin <= time < end]


def test_begin_and_end_are_announced_with_the_sentence() -> None:
    fault = BrokerCrash(broker=2, at="3s", lasts="4s")
    flown = Flown(fault, seconds=8)
    assert flown.when(FaultBegan, fault=str(fault)) == [3.0]
    assert flown.when(FaultEnded, fault=str(fault)) == [7.0]
    assert flown.when(BrokerStopped, broker_id=2) == [3.0]
    assert flown.when(BrokerStarted, broker_id=2)[-1] == 7.0


def test_a_broker_that_is_shut_down_and_started_at_once_starts_when_it_has_exited() -> None:
    flown = Flown(BrokerShutdown(broker=1, at="3s", lasts="100ms"), seconds=12)
    (stopped,) = flown.when(BrokerStopped, broker_id=1)
    assert stopped > 3.2
    assert flown.when(BrokerStarted, broker_id=1)[-1] == stopped
    assert flown.silence()[1] < 1.3


def test_a_rolling_restart_takes_one_broker_after_the_other_and_ends_in_sync() -> None:
    fault = RollingRestart(at="3s")
    flown = Flown(fault, seconds=80)
    stops, starts = flown.when(BrokerStopped), flown.when(BrokerStarted)[3:]
    assert len(stops) == len(starts) == 3
    assert all(stop < start for stop, start in zip(stops, starts, strict=True))
    assert all(start < stop for start, stop in zip(starts, stops[1:], strict=False))
    (ended,) = flown.when(FaultEnded, fault=str(fault))
    assert ended > max(flown.when(IsrChanged)) - 0.1
    assert len(flown.acknowledged) > 0.97 * len(flown.sent)
    assert flown.silence()[1] < 1.5


def test_a_dead_controller_disturbs_nobody_for_a_while() -> None:
    flown = Flown(ControllerCrash(at="4s", lasts="12s"), seconds=24)
    assert flown.silence()[1] < 0.2
    assert flown.when(BrokerFenced) == []


def test_a_controller_that_has_hung_finds_sessions_run_out_before_it_reads_the_heartbeats_that_waited() -> None:
    flown = Flown(ControllerHang(at="4s", lasts="12s"), seconds=30)
    assert len(between(flown.acknowledged, 4, 16)) > 0.98 * 12 * 50
    assert set(flown.when(BrokerFenced)) <= {16.0}
    partitions = flown.flight.cluster.controller.image.partitions.values()
    assert not any(partition.is_under_replicated for partition in partitions)


def test_an_isolated_broker_is_fenced_and_comes_back_when_the_network_heals() -> None:
    """The way back is found at TCP's next attempt: after 12 s cut, at 13.1 s for what was sent at once.

    A heartbeat that nobody answers is given up after 2 s, and the next one comes 2 s later still.
    """
    cut = NetworkPartition(side=("broker-1",), other=("brokers", "controllers"), at="4s", lasts="12s")
    flown = Flown(cut, seconds=40)
    (fenced,) = flown.when(BrokerFenced)
    assert 7 <= fenced - 4 <= 10.2
    assert flown.when(BrokerRegistered) == []
    assert all(len(flown.flight.cluster.controller.image.partitions[name].isr) == 3
               for name in flown.flight.cluster.partitions())  # fmt: skip
    assert 16 < max(flown.when(IsrChanged)) < 21


def test_a_one_way_cut_lets_requests_in_and_no_answers_out() -> None:
    """The shop's records arrive and are read, but it hears of none of them until the end."""
    cut = NetworkPartition(side=("brokers",), other=("shop",), one_way=True, at="4s", lasts="3s")
    flown = Flown(cut, seconds=14)
    assert between(flown.acknowledged, 4.1, 7) == []
    assert between([time for time, _ in flown.read], 4.1, 4.4)
    begin, length = flown.silence()
    assert begin < 4.1
    assert 3 < length < 4


def test_more_latency_delays_every_acknowledgement_by_two_ways() -> None:
    calm = Flown(seconds=6)
    slow = Flown(LatencySpike(side=("shop",), latency="40ms", at="0s"), seconds=6)
    median = [sorted(flown.latencies)[len(flown.latencies) // 2] for flown in (calm, slow)]
    assert 0.080 <= median[1] - median[0] < 0.090


def test_a_lossy_link_makes_some_wait_for_the_retransmission() -> None:
    flown = Flown(LossyLink(side=("shop",), loss=0.1, at="0s"), seconds=10)
    late = sum(latency > 0.2 for latency in flown.latencies) / len(flown.latencies)
    assert 0.1 < late < 0.9
    assert len(flown.acknowledged) > 0.95 * len(flown.sent)


def test_a_clogged_link_carries_its_bytes_per_second_and_no_more() -> None:
    fault = CloggedLink(side=("shop",), other=("brokers",), bytes_per_s=100_000, at="2s", lasts="8s")
    flown = Flown(fault, seconds=10, every_ms=1, value=bytes(200))
    before, during = len(between(flown.acknowledged, 1, 2)), len(between(flown.acknowledged, 4, 10)) / 6
    assert before > 900
    assert during * 210 == pytest.approx(100_000, rel=0.1)


def test_a_slow_handler_reads_less_and_catches_up() -> None:
    flown = Flown(SlowHandler(app="reader", factor=100, at="5s", lasts="10s"), seconds=24)
    times = [time for time, _ in flown.read]
    assert len(between(times, 6, 15)) == pytest.approx(9 / 0.1, abs=5)
    assert len(times) > 0.99 * len(flown.acknowledged)


def test_a_skewed_clock_shows_in_the_timestamps_of_records() -> None:
    flown = Flown(ClockSkew(app="shop", by="-1h", at="5s", lasts="5s"), seconds=12)
    wrong = [stamp for stamp in flown.timestamps_ms if stamp < 0]
    assert len(wrong) == pytest.approx(5000 / 20, abs=3)
    assert min(flown.timestamps_ms) == pytest.approx(5_000 - 3_600_000, abs=25)


def test_a_poison_record_is_read_like_any_other() -> None:
    flown = Flown(PoisonRecord(topic="orders", partition=1, at="5s"), seconds=8)
    assert [value for _, value in flown.read if value != flown.value] == [b"\x00poison"]


def test_a_burst_brings_arrivals_earlier_by_its_factor() -> None:
    flown = Flown(TrafficBurst(app="shop", factor=5, at="5s", lasts="4s"), seconds=14)
    per_second = [len(between(flown.sent, second, second + 1)) for second in range(13)]
    assert per_second[2:4] == [50, 50]
    assert per_second[6:8] == [250, 250]
    assert per_second[10:12] == [50, 50]
    assert all(later > one for one, later in pairwise(flown.sent))


def test_a_hot_key_takes_its_share_of_the_records() -> None:
    flown = Flown(KeySkew(app="shop", share=0.8, at="5s", lasts="5s"), seconds=12, every_ms=5)
    hot = [key == b"hot" for key in flown.keys[1000:2000]]
    assert sum(hot) / len(hot) == pytest.approx(0.8, abs=0.05)
    assert b"hot" not in flown.keys[:1000]


def test_a_configuration_changes_in_flight_and_back() -> None:
    """With min.insync.replicas 3 a dead follower stops acks=all. That 2 holds again wakes nobody who waits: no fetch
    offset moves and nothing is appended behind the requests in purgatory, so they run into their time-out of 30 s."""
    change = ConfigChange(topic="orders", key="min.insync.replicas", value="3", at="4s", lasts="20s")
    flown = Flown(change, BrokerCrash(broker=3, at="5s"), seconds=40)
    assert flown.when(TopicConfigChanged, key="min.insync.replicas", value="3") == [pytest.approx(4, abs=0.1)]
    begin, length = flown.silence()
    assert begin == pytest.approx(5, abs=0.2)
    assert 30 < length < 30.5
    assert len(flown.acknowledged) > 0.99 * len(flown.sent)


def test_a_topics_default_comes_back_when_it_had_no_value_of_its_own() -> None:
    flown = Flown(ConfigChange(topic="orders", key="retention.ms", value="1000", at="4s", lasts="2s"), seconds=8)
    assert "retention.ms" not in flown.flight.cluster.controller.image.topic_configs.get("orders", {})


def test_a_zombie_wakes_beside_its_twin() -> None:
    flown = Flown(ZombieProducer(app="shop", at="5s", lasts="3s"), seconds=12)
    assert flown.when(AppStarted, app="shop-twin-5s") == [5.0]
    told = [fact.client_id for time, fact in flown.facts if isinstance(fact, RecordsAcknowledged) and time > 8.5]
    assert {name.split("-producer")[0] for name in told} == {"shop", "shop-twin-5s"}


def test_killing_a_follower_and_restarting_it_at_once_leaves_the_leaders_alone() -> None:
    flown = Flown(BrokerCrash(broker=3, at="5s", lasts="0s"), seconds=22)
    assert flown.when(BrokerStarted, broker_id=3)[-1] == 5.0
    led = [fact for time, fact in flown.facts if isinstance(fact, LeaderElected) and time > 0 and fact.leader > 0]
    assert all(fact.partition.topic.startswith("__") or fact.leader != 3 for fact in led)
