"""What each figure of a machine does to a load."""

from typing import Any

import pytest

from sim.capacity.load import Load
from sim.capacity.probe import fly_load
from sim.machine.clock import MICROSECOND, MILLISECOND, SECOND
from sim.machine.devices import ClientHardware, Hardware


def load(broker: dict[str, Any] | None = None, client: dict[str, Any] | None = None, **changes: Any) -> Load:
    values: dict[str, Any] = {
        "hardware": Hardware(**broker or {}),
        "client_hardware": ClientHardware(**client or {}),
        "brokers": 1,
        "partitions": 1,
        "replication_factor": 1,
        "value_size": 100,
        "producer_config": {"acks": "1", "linger.ms": 0},
        "rate": 500.0,
        "begin": SECOND // 5,
        "until": SECOND // 2,
    }
    return Load(**{**values, **changes})


def latency(*hardware: dict[str, Any], **changes: Any) -> float:
    return fly_load(load(*hardware, **changes)).publish_ms()["p50"]


def test_network_threads_read_each_request_and_send_each_answer() -> None:
    slow = latency({"network_request_cost": MILLISECOND // 4})
    assert slow - latency() == pytest.approx(0.5, abs=0.05)


def test_links_carry_their_latency_four_times_for_a_request_and_its_answer() -> None:
    far = latency({"link_latency": 550 * MICROSECOND})
    assert far - latency() == pytest.approx(4 * 0.5, abs=0.05)


def test_a_message_larger_than_the_socket_buffer_takes_more_round_trips() -> None:
    large = {"value_size": 10_000, "producer_config": {"acks": "1", "batch.size": 20_000}}
    buffered = latency({"socket_buffer_bytes": 2_500, "link_jitter": 0}, **large)
    assert buffered - latency({"link_jitter": 0}, **large) == pytest.approx(4 * 0.2 - 0.008, abs=0.02)


def test_a_flush_waits_for_its_latency_at_the_leader_and_then_at_the_follower() -> None:
    replicated = {"brokers": 2, "replication_factor": 2, "producer_config": {"acks": "all", "linger.ms": 0},
                  "rate": 50.0}  # fmt: skip
    flushed = {"topic_config": {"flush.messages": 1}}
    quick = latency({"disk_seek": 0}, **replicated, **flushed)
    slow = latency({"disk_seek": 0, "flush_latency": 2 * MILLISECOND}, **replicated, **flushed)
    assert slow - quick == pytest.approx(4, abs=0.1)


def test_the_applications_thread_bounds_what_is_sent() -> None:
    outcome = fly_load(load(client={"record_cost": 20_000}, rate=None))
    assert outcome.produced_per_s == pytest.approx(50_000, rel=0.02)


def test_the_producers_own_thread_bounds_the_requests() -> None:
    busy = load(client={"request_cost": MILLISECOND, "record_cost": 1_000}, rate=None)
    outcome = fly_load(busy)
    assert len(outcome.requests) / outcome.seconds == pytest.approx(1_000, rel=0.05)


def test_a_timer_comes_late_by_its_slack() -> None:
    lingering = {"producer_config": {"acks": "1", "linger.ms": 3}, "rate": 50.0}
    late = latency({}, {"timer_slack": 200 * MICROSECOND}, **lingering)
    assert late - latency(**lingering) == pytest.approx(0.2, abs=0.02)


def test_the_consumers_thread_bounds_what_is_read() -> None:
    reads = load(client={"polled_record_cost": 10_000}, producers=0, groups=(1,), backlog=200_000)
    assert fly_load(reads).consumed_per_s == pytest.approx(100_000, rel=0.05)


def test_everything_shares_the_processors_of_one_machine() -> None:
    """A record costs a client 10 µs and the broker next to nothing, but two clients have one processor."""
    cost = {"record_cost": 10_000}
    apart, together = (
        fly_load(load(broker, cost, rate=None, producers=2)).produced_per_s for broker in ({}, {"cores": 1})
    )
    assert apart == pytest.approx(200_000, rel=0.02)
    assert 50_000 < together < 100_000


def test_up_to_kafka_2_6_a_follower_hears_of_each_partition_by_itself() -> None:
    """The fetch is answered after the append to the first partition; the second one waits for the next fetch."""
    pairs = {"brokers": 2, "partitions": 4, "replication_factor": 2, "round_robin": True, "rate": 4_000.0,
             "producer_config": {"acks": "all", "linger.ms": 2}}  # fmt: skip
    assert latency(**pairs, wakes_fetches_early=True) > latency(**pairs) + 0.1


def test_several_fetchers_share_the_partitions_of_a_leader() -> None:
    pairs = {"brokers": 2, "partitions": 8, "replication_factor": 2, "round_robin": True, "rate": 2_000.0,
             "producer_config": {"acks": "all", "linger.ms": 0}}  # fmt: skip
    flushed = {"topic_config": {"flush.messages": 1}}
    slow = {"disk_seek": 0, "flush_latency": MILLISECOND // 2}
    alone = latency(slow, **pairs, **flushed)
    assert latency(slow, **pairs, **flushed, broker_config={"num.replica.fetchers": 4}) < alone


def test_a_full_batch_leaves_at_once_when_the_next_record_goes_to_another_partition() -> None:
    """It does not wait for linger.ms: as long as it takes to fill two batches a record waits at most."""
    paced = {"partitions": 6, "rate": 8_000.0, "producer_config": {"acks": "1", "linger.ms": 1_000}, "brokers": 1}
    outcome = fly_load(load(**paced, begin=SECOND // 2, until=SECOND))
    assert outcome.publish_ms()["p99"] < 1.2 * 1000 * 147 / 8_000


def test_producers_outrun_the_followers_where_a_card_is_too_narrow_for_both() -> None:
    """acks=1: what is acknowledged is more than three replicas could take in, and the followers fall behind."""
    card = 2e7
    narrow = {"nic_bytes_per_s": card, "nic_fair": True}
    values = {"brokers": 3, "partitions": 6, "replication_factor": 3, "producers": 3, "rate": None, "value_size": 1_000}
    lags = []
    for until in (SECOND, 2 * SECOND):
        outcome = fly_load(load(narrow, {"nic_bytes_per_s": card}, **values, until=until))
        assert outcome.produced_per_s * 1_000 > 1.1 * card
        lags.append(outcome.lag["followers"])
    assert lags[1] > 1.5 * lags[0] > 0


def saturated(broker: dict[str, Any], **changes: Any) -> Load:
    values = {"rate": None, "value_size": 1_000, "partitions": 3, "until": SECOND // 3,
              "broker_config": {"num.network.threads": 1}}  # fmt: skip
    return load(broker, {"ssl_byte_cost": 0.0}, **{**values, **changes})


def test_encrypted_a_network_thread_bounds_what_is_written() -> None:
    ssl = {"ssl": True, "ssl_byte_cost": 20.0}
    outcome = fly_load(saturated(ssl, producers=3))
    assert outcome.batch_bytes / outcome.seconds == pytest.approx(1e9 / 20, rel=0.03)
    assert latency({**ssl, "ssl": False}) == latency()


def test_encrypted_what_is_read_is_copied_first_for_there_is_no_zero_copy() -> None:
    reads = {"producers": 0, "groups": (3,), "backlog": 90_000, "until": SECOND}
    for copy_cost in (0.0, 15.0):
        ssl = {"ssl": True, "ssl_byte_cost": 25.0, "ssl_copy_cost": copy_cost}
        found = fly_load(saturated(ssl, **reads)).consumed_per_s
        assert found * 1_007 == pytest.approx(1e9 / (25 + copy_cost), rel=0.05)


def test_encrypted_clients_and_followers_pay_for_themselves() -> None:
    def bound(broker: dict[str, Any], **changes: Any) -> float:
        outcome = fly_load(load({"ssl": True, "ssl_byte_cost": 0.0, **broker}, {"ssl_byte_cost": 40.0}, **changes))
        return max(outcome.batch_bytes / outcome.seconds, outcome.consumed_per_s * 1_007)

    large = {"value_size": 1_000}
    assert bound({}, rate=None, **large) == pytest.approx(1e9 / 40, rel=0.05)
    assert bound({}, producers=0, groups=(1,), backlog=60_000, **large) == pytest.approx(1e9 / 40, rel=0.05)


def test_pauses_of_the_broker_are_in_the_tail_of_latency_and_of_nothing_else() -> None:
    values = {"rate": 1_000.0, "value_size": 1_000, "until": SECOND}
    calm = fly_load(load(**values)).publish_ms()
    stops = fly_load(load({"gc_young_bytes": 50_000, "gc_pause": 4 * MILLISECOND}, **values)).publish_ms()
    assert stops["p50"] == pytest.approx(calm["p50"], rel=0.05)
    assert stops["p99"] > calm["p99"] + 1


def test_pauses_of_a_client_that_reads_delay_nobody_else() -> None:
    values = {"rate": 1_000.0, "value_size": 1_000, "until": SECOND, "groups": (1,)}
    stops = {"gc_young_bytes": 500_000, "gc_pause": 20 * MILLISECOND}
    calm, other = (fly_load(load({}, client, **values)) for client in ({}, {**stops, "gc_record_garbage": 5_000.0}))
    assert other.end_to_end_ms()["p95"] > calm.end_to_end_ms()["p95"] + 5
    assert other.publish_ms()["p50"] == pytest.approx(calm.publish_ms()["p50"], rel=0.05)


def test_a_producer_that_runs_for_long_has_sent_to_every_partition() -> None:
    few: dict[str, Any] = {"partitions": 8, "rate": 20.0, "begin": 0}
    sent = {wants: fly_load(load(first_everywhere=wants, **few)).per_partition for wants in (True, False)}
    assert sorted(sent[True]) == list(range(8))
    assert len(sent[False]) < 8
