"""Small stories with one thing wrong each, and the cause that an explanation names for it."""

import pytest

from scenarios import find
from tests.explain.stories import cause, fly


def test_nothing_happened() -> None:
    run = fly(seconds=6)
    assert {why: cause(run, why) for why in ("lag", "loss", "unavailable", "rebalance")} == {
        "lag": "none",
        "loss": "none",
        "unavailable": "none",
        "rebalance": "none",
    }
    assert run.explain("loss").sentences()[0].startswith("No record was lost")


CRASH = 'kind = "app-crash"\napp = "audit-2"\nat = "8s"'
HANG = 'kind = "app-hang"\napp = "audit-2"\nat = "8s"\nlasts = "30s"'
BROKERS = 'kind = "broker-crash"\nbroker = {}\nat = "8s"\nlasts = "8s"'


def test_a_member_that_crashed_and_one_that_hung() -> None:
    crashed, hung = fly(CRASH), fly(HANG)
    assert [cause(crashed, "lag"), cause(crashed, "rebalance")] == ["member-crashed", "member-crashed"]
    assert [cause(hung, "lag"), cause(hung, "rebalance")] == ["member-hung", "member-hung"]


def test_what_would_have_been_is_flown() -> None:
    chain = fly(CRASH, consumer='"session.timeout.ms" = 20000').explain("lag")
    assert chain.remedy.key == "consumer.session.timeout.ms"
    assert chain.remedy.value == 20_000
    again = fly(CRASH, consumer=f'"session.timeout.ms" = {chain.remedy.other}')
    assert chain.would_be == chain.measure(again) < chain.size - 5
    assert f"with {chain.remedy.other} it would have been {chain.would_be:.1f} s" in chain.sentences()[-1]


def test_a_poll_that_comes_too_late() -> None:
    slow = 'kind = "slow-handler"\napp = "audit-2"\nfactor = 400\nat = "8s"\nlasts = "20s"'
    run = fly(slow, handler_ms=10, consumer='"max.poll.interval.ms" = 4000, "session.timeout.ms" = 45000')
    chain = run.explain("lag", rerun=False)
    assert chain.cause == "poll-interval-exceeded"
    assert chain.remedy.key == "consumer.max.poll.records"


def test_a_broker_that_crashed_hung_or_was_cut_off() -> None:
    cut = 'kind = "network-partition"\nside = ["broker-1"]\nat = "8s"\nlasts = "20s"'
    hang = 'kind = "broker-hang"\nbroker = 1\nat = "8s"\nlasts = "20s"'
    runs = [fly(BROKERS.format(1), seconds=30), fly(hang, seconds=30), fly(cut, seconds=30)]
    found = [cause(run, "unavailable") for run in runs]
    assert found == ["broker-crashed", "broker-hung", "broker-cut-off"]
    assert cause(runs[0], "latency") == "broker-crashed"


def test_too_few_replicas_in_sync() -> None:
    gone = 'kind = "broker-crash"\nbroker = 3\nat = "8s"\nlasts = "30s"'
    run = fly(gone, seconds=40, partitions=1, topic='"min.insync.replicas" = 3')
    chain = run.explain("unavailable", rerun=False)
    assert chain.cause == "not-enough-replicas"
    assert chain.remedy.key == "topic.min.insync.replicas"


def test_a_leader_without_any_other_replica() -> None:
    run = fly(BROKERS.format(1), seconds=30, replicas=1, partitions=3, topic="")
    assert cause(run, "unavailable") == "no-in-sync-replica"


def test_a_hot_partition_and_idle_consumers_and_slow_work() -> None:
    hot = fly(keys="single:card-7", partitions=4, handler_ms=40, members=4, drain=5)
    idle = fly(partitions=2, handler_ms=100, members=4, keys="uniform:200", drain=5)
    slow = fly(partitions=2, handler_ms=100, members=2, keys="uniform:200", drain=5)
    assert [cause(run, "lag") for run in (hot, idle, slow)] == ["hot-partition", "idle-consumers", "processing-slow"]


def test_an_open_transaction() -> None:
    till = """
[[producers]]
name = "till"
topics = ["orders"]
arrivals = "constant:2"
transaction = {{ records = 4 }}
config = {{ "transaction.timeout.ms" = 15000 }}
"""
    crash = 'kind = "app-crash"\napp = "till"\nat = "8700ms"'
    run = fly(crash, more=till, seconds=30, consumer='"isolation.level" = "read_committed"')
    chain = run.explain("lag", rerun=False)
    assert chain.cause == "open-transaction"
    assert chain.remedy.value == 15_000


def test_retention_overtakes_a_slow_reader() -> None:
    topic = '"min.insync.replicas" = 2, "retention.ms" = 2000, "segment.ms" = 1000'
    broker = '"log.retention.check.interval.ms" = 1000, "log.segment.delete.delay.ms" = 0'
    run = fly(topic=topic, broker=broker, handler_ms=100, partitions=1, members=1, drain=5, seconds=40)
    chain = run.explain("loss", rerun=False)
    assert chain.cause == "retention-overtook"
    assert chain.remedy.key == "topic.retention.ms"


def test_acks_0_and_acks_1_and_an_unclean_election() -> None:
    hard = [BROKERS.format(1)]
    none = fly(*hard, producer='"acks" = "0", "enable.idempotence" = false', rate=200, seconds=12)
    others = 'other = ["broker-2", "broker-3"]\nat = "7500ms"\nlasts = "20s"'
    lagging = f'kind = "network-partition"\nside = ["broker-1"]\n{others}'
    one = fly(lagging, BROKERS.format(1), producer='"acks" = "1", "enable.idempotence" = false', rate=200, seconds=12)
    assert cause(none, "loss") == "acks-0"
    assert cause(one, "loss") == "acks-1"


def test_commits_before_the_work() -> None:
    crash = 'kind = "app-crash"\napp = "audit"\nat = "8015ms"\nlasts = "2s"'
    before = fly(crash, members=1, commit="sync-before", handler_ms=24, partitions=1)
    after = fly(crash, members=1, commit="sync-after", handler_ms=24, partitions=1)
    assert [cause(before, "loss"), cause(after, "loss")] == ["commit-before-processing", "none"]


def test_a_full_buffer_and_a_delivery_that_timed_out() -> None:
    gone = [BROKERS.format(2), BROKERS.format(3)]
    wants = '"min.insync.replicas" = 3'
    full = fly(*gone, topic=wants, producer='"buffer.memory" = 20000, "batch.size" = 1000, "max.block.ms" = 100')
    late = fly(
        *gone, topic=wants, producer='"delivery.timeout.ms" = 3000, "request.timeout.ms" = 1000, "linger.ms" = 0'
    )
    assert cause(full, "loss") == "buffer-exhausted"
    assert cause(late, "loss") in ("delivery-timeout", "not-enough-replicas")


def test_a_poison_record() -> None:
    poison = 'kind = "poison-record"\ntopic = "orders"\npartition = 0\nat = "8s"'
    assert cause(fly(poison, poison="raise", members=1), "lag") == "poison-record"


def test_a_slow_disk_a_slow_network_and_a_long_linger() -> None:
    disk = 'kind = "disk-stalled"\nbroker = 1\nat = "8s"\nlasts = "2s"'
    network = (
        'kind = "latency-spike"\nside = ["broker-1"]\nother = ["clients"]\nlatency = "300ms"\nat = "8s"\nlasts = "5s"'
    )
    found = [cause(fly(disk), "latency"), cause(fly(network), "latency")]
    assert found == ["disk-slow", "network-slow"]
    assert cause(fly(producer='"linger.ms" = 200', seconds=6), "latency") == "linger"


@pytest.mark.parametrize(
    ("name", "symptoms", "slugs"),
    [
        ("broker-failure", ["unavailable", "loss"], ["broker-crashed", "none"]),
        ("rebalance", ["lag"], ["member-crashed"]),
        pytest.param("delivery-semantics", ["loss"], ["commit-before-processing"], marks=pytest.mark.slow),
    ],
)
def test_scenarios_of_the_library(name: str, symptoms: list[str], slugs: list[str]) -> None:
    """Those that claim something are explained where their claims are looked at, in `tests/scenarios/claiming.py`."""
    run = find(name).run()
    assert [cause(run, why) for why in symptoms] == slugs
