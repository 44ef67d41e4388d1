"""Causes that are told from facts, and one story for each of them."""

from collections.abc import Generator
from random import Random
from typing import Any

import pytest
from simpy import Event

from sim.actors.client.app import App, Behaviour
from sim.actors.client.client_errors import ClientError
from sim.machine.clock import SECOND
from sim.run import Run
from sim.scenario import Scenario
from sim.teach.incidents.library.producers import late_fetch, throttled
from sim.world.arrivals import Poisson
from sim.world.cluster import ClusterSpec
from sim.world.plan import AppSpec, GroupSpec, Plan
from sim.world.script.producing import producing
from sim.world.script.script import ProducerPart
from sim.world.topics import Topic
from tests.explain.stories import cause, fly

Steps = Generator[Event, Any, Any]
FAULT = 'kind = "{}"\nat = "8s"\n'


def with_members(*members: Behaviour) -> Run:
    """A shop, and members of a group that do as they like; nobody waits for the first rebalance."""
    shop = producing(ProducerPart(name="shop", topics=("orders",), arrivals=Poisson(40.0)), "shop", 20 * SECOND)
    apps = [AppSpec(f"audit-{number}", member, "audit") for number, member in enumerate(members, 1)]
    plan = Plan(
        duration=20 * SECOND,
        drain=10 * SECOND,
        cluster=ClusterSpec(broker_config={"group.initial.rebalance.delay.ms": 0, "offsets.topic.num.partitions": 1}),
        topics=(Topic("orders", 2, 3),),
        apps=(AppSpec("shop", shop, "shop", finite=True), *apps),
        groups=(GroupSpec("audit", ("orders",)),),
        stages=(("shop", "orders"), ("orders", "audit")),
    )
    return Scenario("story", "Members come and go.", "", lambda _: plan).run(recorded=True)


def member(joins_s: float = 0, ends_s: float = 100, fails: bool = False) -> Behaviour:
    """Reads from a time on to a time, and then leaves or fails."""

    def run(app: App) -> Steps:
        yield app.until(round(joins_s * SECOND))
        consumer = app.consumer("audit", ["orders"], auto_offset_reset="earliest", session_timeout_ms=6000)
        while app.now < ends_s * SECOND:
            yield from consumer.poll(100)
            yield from consumer.commit()
        if fails:
            raise ClientError("no more")
        yield from consumer.close()

    return run


def test_members_that_leave_fail_and_join() -> None:
    left = with_members(member(), member(ends_s=8))
    failed = with_members(member(), member(ends_s=8, fails=True))
    joined = with_members(member(), member(joins_s=8))
    found = [cause(run, "rebalance") for run in (left, failed, joined)]
    assert found == ["member-left", "application-failed", "rebalance-pause"]
    assert "a member joined" in " ".join(joined.explain("rebalance", rerun=False).sentences())


def test_a_member_that_hangs_while_the_others_rebalance() -> None:
    hang = FAULT.format("app-hang") + 'app = "audit-2"\nlasts = "40s"'
    again = FAULT.format("app-crash") + 'app = "audit-3"\nlasts = "1s"'
    limits = '"session.timeout.ms" = 30000, "max.poll.interval.ms" = 5000'
    run = fly(hang, again, members=3, partitions=3, consumer=limits)
    assert run.explain("rebalance", "12s", rerun=False).cause == "missed-rebalance"


def test_slow_work_and_more_work() -> None:
    slow = FAULT.format("slow-handler") + 'app = "audit-2"\nfactor = 100'
    more = FAULT.format("traffic-burst") + 'app = "shop"\nfactor = 20\nlasts = "8s"'
    found = [cause(fly(fault, handler_ms=ms, drain=5), "lag") for fault, ms in ((slow, 2), (more, 20))]
    assert found == ["slow-handler", "traffic-burst"]


def test_records_that_are_too_large_not_read_yet_or_skipped() -> None:
    large = fly(topic='"max.message.bytes" = 1000', record_bytes=5000, seconds=4)
    behind = fly(handler_ms=300, seconds=6, drain=1)
    late = with_members(member(joins_s=9))
    assert [cause(large, "loss"), cause(behind, "loss"), cause(late, "loss")] == [
        "record-too-large",
        "not-read-yet",
        "none",
    ]


def test_an_unclean_election_and_a_power_failure() -> None:
    cut = FAULT.format("network-partition") + 'side = ["broker-1"]\nother = ["broker-2", "broker-3"]\nlasts = "20s"'
    crash = 'kind = "broker-crash"\nbroker = 1\nat = "14s"\nlasts = "10s"'
    lag = '"replica.lag.time.max.ms" = 2000'
    wants = '"min.insync.replicas" = 1, "unclean.leader.election.enable" = true'
    unclean = fly(cut, crash, topic=wants, broker=lag, seconds=30, partitions=3)
    power = fly('kind = "power-failure"\nat = "8s"\nlasts = "5s"', topic='"min.insync.replicas" = 3')
    assert cause(unclean, "loss") == "unclean-election"
    assert cause(power, "loss") == "power-failure"


def test_brokers_that_are_busy_hang_or_are_asked_again() -> None:
    busy = fly(FAULT.format("cpu-contention") + 'broker = 1\nfactor = 3000\nlasts = "4s"')
    hang = fly(FAULT.format("broker-hang") + 'broker = 1\nlasts = "5s"')
    lossy = fly(FAULT.format("lossy-link") + 'side = ["broker-1"]\nother = ["clients"]\nloss = 0.5\nlasts = "5s"')
    assert [cause(run, "latency") for run in (busy, hang, lossy)] == ["cpu-slow", "broker-hung", "network-slow"]


@pytest.mark.parametrize(("case", "slug"), [(throttled, "quota-throttled"), (late_fetch, "fetch-waits")])
def test_clients_that_are_told_to_rest_or_wait_for_more(case: Any, slug: str) -> None:
    drawn = case(Random(0))
    run = drawn.scenario("story").run(until=f"{drawn.page_s:.0f}s", recorded=True)
    assert cause(run, "latency") == slug


def test_clients_that_do_not_reach_a_leader() -> None:
    cut = FAULT.format("network-partition") + 'side = ["broker-1"]\nother = ["clients"]\nlasts = "20s"'
    limits = '"delivery.timeout.ms" = 6000, "request.timeout.ms" = 2000, "linger.ms" = 0'
    chain = fly(cut, producer=limits, partitions=3, seconds=30).explain("unavailable", rerun=False)
    assert chain.cause == "clients-cut-off"
    assert "broker 1 was cut off from clients" in chain.sentences()[-1]


def test_replicas_that_are_missing() -> None:
    lag = '"replica.lag.time.max.ms" = 2000'
    gone = fly('kind = "broker-crash"\nbroker = 1\nat = "3s"', broker=lag, seconds=16)
    cut = fly(
        FAULT.format("network-partition") + 'side = ["broker-1"]\nother = ["broker-2", "broker-3"]\nlasts = "9s"',
        broker=lag,
    )
    disk = fly(FAULT.format("disk-stalled") + 'broker = 1\nlasts = "9s"', broker=lag)
    hung = fly(FAULT.format("broker-hang") + 'broker = 1\nlasts = "6s"', broker=lag)
    rate = f'{lag}, "follower.replication.throttled.rate" = 1000, "replica.fetch.max.bytes" = 1000'
    names = '"min.insync.replicas" = 2, "follower.replication.throttled.replicas" = "*"'
    held = fly(
        'kind = "broker-crash"\nbroker = 1\nat = "2s"\nlasts = "12s"', broker=rate, topic=names, seconds=40, drain=1
    )
    chains = [run.explain("under-replicated", rerun=False) for run in (gone, cut, disk, hung, fly(seconds=3))]
    assert [chain.cause for chain in chains] == [
        "broker-crashed",
        "follower-cut-off",
        "disk-slow",
        "broker-hung",
        "none",
    ]
    told = held.explain("under-replicated", rerun=False)
    assert (told.cause, told.remedy.key) == ("replication-throttled", "broker.follower.replication.throttled.rate")
