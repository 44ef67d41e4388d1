"""One wrong rule, or actor, for each invariant: a small flight that breaks it, and the sentence that tells of it."""

import re
from collections.abc import Generator
from dataclasses import replace
from typing import Any

import pytest
from simpy import Event

import sim.actors.broker.partition as broker_partition
import sim.actors.consumer.client_assignors as client_assignors
import sim.actors.controller.replication_control as replication_control
from scenarios import find
from scenarios.uses.payment_fraud.warehouse import Warehouse
from sim.actors.broker.partition import Partition
from sim.actors.client.app import App
from sim.actors.consumer.consumer_membership import ConsumerMembership
from sim.actors.consumer.consumer_records import CommitFailedError
from sim.actors.coordinators.coordinator_shard import CoordinatorShard
from sim.machine.watermark import Watermark
from sim.rules.controller.election import PartitionRegistration
from sim.rules.topics import TopicPartition
from sim.world.faults import AppHang, BrokerCrash, BrokerShutdown, NetworkPartition
from sim.world.plan import AppSpec
from tests.actors.flights import P, Sink, Source
from tests.observe.invariants.flown import fly, plan

Patch = pytest.MonkeyPatch
CRASH = BrokerCrash(broker=1, at="4s", lasts="5s")


def sentences(invariants: Any, name: str) -> list[str]:
    return [violation.sentence for violation in invariants.violations if violation.name == name]


def test_a_watermark_that_starts_over_with_the_isr_falls(monkeypatch: Patch) -> None:
    confirmed = Partition.isr_confirmed

    def forgetful(self: Partition, isr: tuple[int, ...], partition_epoch: int, now_ms: int) -> None:
        confirmed(self, isr, partition_epoch, now_ms)
        self.high_watermark = Watermark(self.log.log_start_offset)

    monkeypatch.setattr(Partition, "isr_confirmed", forgetful)
    found = sentences(fly(plan(CRASH), 20), "monotone-high-watermark")
    pattern = (
        r"at \d+\.\d{3} s the high watermark of \S+-\d falls from \d+ to 0 on broker \d, which leads it at epoch \d"
    )
    assert re.fullmatch(pattern, found[0])


def change_partition(monkeypatch: Patch, spoil: Any) -> None:
    """Let `spoil(before, after)` have its way with what the controller decides."""
    rule = replication_control.change_partition

    def spoilt(partition: PartitionRegistration, **rest: Any) -> PartitionRegistration | None:
        changed = rule(partition, **rest)
        return None if changed is None else spoil(partition, changed)

    monkeypatch.setattr(replication_control, "change_partition", spoilt)


def test_an_election_that_keeps_the_epoch_gives_it_two_leaders(monkeypatch: Patch) -> None:
    change_partition(monkeypatch, lambda before, after: replace(after, leader_epoch=before.leader_epoch))
    found = sentences(fly(plan(BrokerShutdown(broker=1, at="3s")), 8), "one-leader-per-epoch")
    pattern = r"at 3\.\d{3} s broker \d leads \S+-\d at epoch 0 although broker 1 leads it at the same epoch"
    assert re.fullmatch(pattern, found[0])


def test_a_leader_that_the_controller_leaves_out_of_the_isr_is_found(monkeypatch: Patch) -> None:
    def without_leader(_: PartitionRegistration, after: PartitionRegistration) -> PartitionRegistration:
        return replace(after, isr=tuple(broker for broker in after.isr if broker != after.leader))

    change_partition(monkeypatch, without_leader)
    found = sentences(fly(plan(BrokerShutdown(broker=1, at="3s")), 8), "leader-in-sync")
    assert re.fullmatch(r"at 3\.\d{3} s broker 2 leads \S+ at epoch 1 outside of the ISR \[3\]", found[0])


def test_a_follower_that_counts_one_too_far_has_its_watermark_beyond_its_log(monkeypatch: Patch) -> None:
    monkeypatch.setattr(broker_partition, "follower_high_watermark", lambda said, start, _: max(start, said) + 1)
    found = sentences(fly(plan(), 3), "offsets-in-order")
    assert found[0].endswith("high watermark 1 and log end 0, out of order")


def careless_high_watermark(watermark: int, log_end_offset: int, *_: object) -> int:
    """Whatever is written counts as committed, as soon as it is on the leader."""
    return max(watermark, log_end_offset)


def test_a_watermark_that_waits_for_nobody_outruns_the_isr(monkeypatch: Patch) -> None:
    monkeypatch.setattr(broker_partition, "next_high_watermark", careless_high_watermark)
    found = sentences(fly(plan(), 3), "isr-holds-high-watermark")
    pattern = (
        r"at \d\.\d{3} s broker \d is in the ISR of payments-0 with a log that ends at \d+ although broker \d, which "
        r"leads it at epoch 0, has announced the high watermark \d+"
    )
    assert re.fullmatch(pattern, next(sentence for sentence in found if "payments-0" in sentence))


def test_what_was_announced_too_early_is_missing_with_the_next_leader(monkeypatch: Patch) -> None:
    monkeypatch.setattr(broker_partition, "next_high_watermark", careless_high_watermark)
    apps = [AppSpec("source", Source(1, 60, acks="1"))]
    cut = NetworkPartition(side=("broker-1",), other=("broker-2", "broker-3"), at="3s", lasts="3s")
    found = sentences(fly(plan(CRASH, cut, apps=apps, partitions=1), 16), "committed-prefix")
    pattern = (
        r"at 1\d\.\d{3} s broker \d leads payments-0 at epoch 1 without the records that were committed at offset \d+; "
        r"the high watermark was \d+, announced by broker 1 at epoch 0"
    )
    assert re.fullmatch(pattern, found[0])


def readers(**config: object) -> list[AppSpec]:
    return [AppSpec("source", Source(20, 60, acks="all")), *(AppSpec(f"sink-{n}", Sink(**config)) for n in (1, 2))]


def test_an_assignor_that_gives_all_to_everybody_is_found(monkeypatch: Patch) -> None:
    def greedy(counts: Any, subscriptions: Any, _: Any) -> dict[str, list[TopicPartition]]:
        return {
            member: [TopicPartition(P.topic, number) for number in range(counts[P.topic])] for member in subscriptions
        }

    monkeypatch.setitem(client_assignors.CLIENT_ASSIGNORS, "range", greedy)
    found = sentences(fly(plan(apps=readers()), 8), "one-owner")
    pattern = (
        r"at \d\.\d{3} s sink-\d-consumer-1 owns payments-0 in generation \d of group sink although sink-\d-consumer-1 "
        r"owns it in the same generation"
    )
    assert re.fullmatch(pattern, found[0])


def test_members_that_take_what_they_were_not_given_are_found(monkeypatch: Patch) -> None:
    everything = frozenset(TopicPartition(P.topic, number) for number in range(2))
    monkeypatch.setattr(ConsumerMembership, "_known", lambda *_: everything)
    found = sentences(fly(plan(apps=readers(group_protocol="consumer")), 4), "one-owner")
    pattern = (
        r"at 0\.\d{3} s sink-[12]-consumer-1 owns payments-0 in generation [12] of group sink although "
        r"sink-[12]-consumer-1, which is a member, has not given it up"
    )
    assert re.fullmatch(pattern, found[0])


def test_a_commit_of_a_member_that_was_thrown_out_goes_back(monkeypatch: Patch) -> None:
    monkeypatch.setattr(CoordinatorShard, "validate_commit", lambda *_, **__: None)
    apps = readers(session_timeout_ms=6000, heartbeat_interval_ms=2000, enable_auto_commit=False)
    apps = [apps[0], AppSpec("a-slow", slow_reader), apps[1]]
    hang = AppHang(app="a-slow", at="9s", lasts="12s")
    found = sentences(fly(plan(hang, apps=apps, partitions=1), 24), "monotone-commits")
    pattern = (
        r"at 2\d\.\d{3} s the committed offset of payments-0 in group sink goes back from \d+ to \d+, committed by \S+ "
        r"in generation \d after one of generation \d"
    )
    assert re.fullmatch(pattern, found[0])


def slow_reader(app: App) -> Generator[Event, Any, Any]:
    """Works on what it has read for a while, and then commits."""
    consumer = app.consumer("sink", [P.topic], session_timeout_ms=6000, heartbeat_interval_ms=2000)
    while True:
        records = yield from consumer.poll(200)
        yield app.busy(ms=200)
        if records:
            try:
                yield from consumer.commit({P: records[-1].offset + 1})
            except CommitFailedError:
                continue


def test_a_coordinator_that_reads_nothing_has_forgotten_commits(monkeypatch: Patch) -> None:
    monkeypatch.setattr(CoordinatorShard, "load", lambda *_: None)
    shutdowns = [BrokerShutdown(broker=broker, at=f"{3 * broker}s", lasts="2s") for broker in (1, 2, 3)]
    found = sentences(fly(plan(*shutdowns), 13), "monotone-commits")
    pattern = r"at \d+\.\d{3} s broker \d takes group sink over with no offset of payments-0 although \d+ was committed"
    assert re.fullmatch(pattern, found[0])


def test_a_warehouse_that_drops_a_payment_loses_money(monkeypatch: Patch) -> None:
    load = Warehouse.load
    monkeypatch.setattr(Warehouse, "load", lambda self, rows: load(self, rows[1:]))
    run = find("payment-fraud").run(until="8s", faults=False, check_invariants=True)
    assert run.invariants is not None
    (found,) = run.invariants.violations
    assert found.name == "money-conserved"
    assert "neither in the warehouse nor to be loaded although they are paid" in found.sentence


def test_every_violation_is_told_once_and_no_more_than_twenty(monkeypatch: Patch) -> None:
    monkeypatch.setattr(broker_partition, "follower_high_watermark", lambda said, start, _: max(start, said) + 1)
    invariants = fly(plan(partitions=40), 2)
    told = [(violation.name, violation.subject) for violation in invariants.violations]
    assert len(set(told)) == len(told) == 20
    first = invariants.as_json()["violations"][0]
    assert (first["name"], first["subject"]) == told[0]
    assert invariants.sentences()[0] == f"Invariant violated, offsets-in-order: {first['sentence']}."
