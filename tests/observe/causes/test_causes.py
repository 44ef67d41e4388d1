"""What a record's cause says, word by word, against the facts of small flights."""

from collections.abc import Generator
from typing import Any

from simpy import Event

from sim.actors.client.app import App, Behaviour
from sim.machine.clock import SECOND
from sim.rules.errors import ErrorCode
from sim.rules.facts.journal import (
    BatchRetried,
    LeaderElected,
    LogTruncated,
    OffsetsCommitted,
    PositionReset,
    RecordsAcknowledged,
)
from sim.rules.facts.storage import UnflushedLost
from sim.world.faults import BrokerCrash, BrokerHang, NetworkPartition, PowerFailure
from tests.actors.flights import P, Sink, Source
from tests.observe.causes.flown import Flown
from tests.observe.test_verdict import NAME, Desk

Steps = Generator[Event, Any, Any]
ISOLATED = NetworkPartition(side=("broker-1",), other=("broker-2", "broker-3", "controllers"), at="3s", lasts="14s")


def at(time: float) -> str:
    return f"{time:.3f} s"


def test_lost_as_an_isolated_leader_goes_on_alone() -> None:
    flown = Flown({"source": Source(50, 16, acks="1")}, [ISOLATED], 45)
    ((cut, truncated),) = flown.these(LogTruncated, partition=P)
    ((_, elected),) = flown.these(LeaderElected, partition=P)
    assert (truncated.broker_id, elected.leader_epoch) == (1, 1)
    assert len(flown.verdict.lost) == sum(batch.count for batch in truncated.removed)
    for fate in flown.verdict.lost:
        assert fate.cause == (
            f"acknowledged by broker 1 at {at(fate.acknowledged_s)} at epoch 0; "
            f"truncated on broker 1 at {cut} when broker {elected.leader} led epoch 1"
        )


def test_lost_in_an_unclean_election() -> None:
    cut = NetworkPartition(side=("broker-2", "broker-3"), other=("broker-1",), at="3s", lasts="60s")
    kill = BrokerCrash(broker=1, at="36s", lasts="14s")
    lossy = {"min.insync.replicas": 1, "unclean.leader.election.enable": True}
    flown = Flown({"source": Source(200, 35, acks="1")}, [cut, kill], 58, lossy)
    assert flown.verdict.lost
    registration = flown.flight.cluster.controller.image.partitions[P]
    cause = flown.verdict.lost[0].cause
    assert cause == (
        f"acknowledged by broker 1 at {at(flown.verdict.lost[0].acknowledged_s)} at epoch 0; "
        f"left only on broker 1, while broker {registration.leader} leads epoch {registration.leader_epoch}"
    )


def test_sent_without_waiting_and_never_arrived() -> None:
    flown = Flown({"source": Source(50, 5, acks="0")}, [BrokerHang(broker=1, at="3s", lasts="30s")], 8)
    fate = flown.verdict.lost[0]
    assert fate.cause == f"sent to broker 1 at {at(fate.acknowledged_s)} with acks=0, and never arrived"


def test_not_flushed_when_the_power_failed() -> None:
    blackout = PowerFailure(at="12s", lasts="3s")
    flown = Flown({"source": Source(50, 10, acks="all")}, [blackout], 40)
    lost = {fact.broker_id: time for time, fact in flown.these(UnflushedLost, partition=P)}
    assert sorted(lost) == [1, 2, 3]
    assert flown.verdict.lost
    for fate in flown.verdict.lost:
        assert fate.cause == (
            f"acknowledged by broker 1 at {at(fate.acknowledged_s)} at epoch 0; "
            f"not flushed when brokers 1 and 2 and 3 lost their power at {lost[1]}"
        )


def test_lost_and_nobody_knows_how() -> None:
    desk = Desk()
    desk.acknowledge(desk.columns(0))
    assert desk.witness.verdict().lost[0].cause == "acknowledged by broker 1 at 0.000 s; in no log that leads now"


def test_written_twice_as_the_first_answer_came_too_late() -> None:
    """Both followers hang, so that acks=all waits for longer than the producer does."""
    hangs = [BrokerHang(broker=broker, at="3s", lasts="4s") for broker in (2, 3)]
    source = Source(
        100, 4, acks="all", enable_idempotence=False, request_timeout_ms=3000, max_in_flight_requests_per_connection=1
    )
    flown = Flown({"source": source}, hangs, 14)
    retried, again = flown.these(BatchRetried)[0]
    assert again.error is ErrorCode.REQUEST_TIMED_OUT
    fates = [fate for fate in flown.verdict.duplicated if retried in fate.cause]
    (acknowledged, fact), *_ = [one for one in flown.these(RecordsAcknowledged) if one[1].columns is again.columns]
    copies = [batch.base_offset for batch in flown.flight.cluster.log(P).batches() if batch.columns is again.columns]
    assert len(copies) == 2
    assert fact.base_offset == copies[1]
    assert fates[0].cause == (
        f"written twice: at offset {copies[0]} by broker 1 in epoch 0 (attempt 1, not answered before the time-out at "
        f"{retried}) and at offset {copies[1]} by broker 1 in epoch 0 (attempt 2, acknowledged at {acknowledged})"
    )


def test_out_of_order_as_later_records_got_past_a_refused_attempt() -> None:
    desk = Desk()
    early, late = desk.columns(0), desk.columns(2)
    desk.flight.announce(BatchRetried("gateway", NAME, ErrorCode.NOT_ENOUGH_REPLICAS, 1, 2, early))
    for columns in (late, early):
        desk.write(columns)
        desk.acknowledge(columns)
    fates = desk.witness.verdict().reordered
    assert [fate.number for fate in fates] == [0, 1]
    assert fates[0].cause == (
        "at offset 2 of payments-0, by broker 1 in epoch 0, behind number 3 of the same producer: later records were "
        "written before attempt 2; attempt 1, refused with NOT_ENOUGH_REPLICAS at 0.000 s"
    )


def late(start_s: int, then: Behaviour) -> Behaviour:
    """The same behaviour, some seconds later."""

    def run(app: App) -> Steps:
        yield app.until(start_s * SECOND)
        yield from then(app)

    return run


def test_undelivered_as_the_group_began_at_the_end() -> None:
    def newcomer(app: App) -> Steps:
        consumer = app.consumer("readers", [P.topic], auto_offset_reset="latest")
        while True:
            yield from consumer.poll(200)

    flown = Flown({"source": Source(50, 15), "reader": late(4, newcomer)}, seconds=16, groups=["readers"])
    ((when, reset),) = flown.these(PositionReset)
    assert len(flown.verdict.undelivered) == reset.offset
    (delivered,) = [time for time, fact in flown.facts if getattr(fact, "first_offset", None) == reset.offset][:1]
    assert {fate.cause for fate in flown.verdict.undelivered} == {
        f"never returned by a poll of readers: reader-consumer-1 went on at offset {reset.offset} at "
        f"{at(delivered / 1e9)}, as the position was reset to {reset.offset} at {when}"
    }


def test_undelivered_as_somebody_had_committed_too_much() -> None:
    def hasty(app: App) -> Steps:
        consumer = app.consumer("readers", [P.topic], auto_offset_reset="earliest", enable_auto_commit=False)
        records = yield from consumer.poll(5000, max_records=1)
        yield from consumer.commit({P: records[-1].offset + 11})
        yield from consumer.close()

    flown = Flown(
        {"source": Source(50, 20), "hasty": hasty, "next": late(9, Sink("readers"))}, seconds=22, groups=["readers"]
    )
    (committed, commit), *_ = flown.these(OffsetsCommitted, client_id="hasty-consumer-1")
    ((_, offset),) = commit.offsets
    fates = flown.verdict.undelivered
    assert [fate.number for fate in fates] == list(range(offset - 10, offset))
    went_on = next(time for time, fact in flown.facts if getattr(fact, "first_offset", None) == offset)
    assert fates[0].cause == (
        f"never returned by a poll of readers: next-consumer-1 went on at offset {offset} at {at(went_on / 1e9)}, as "
        f"hasty-consumer-1 had committed {offset} at {committed}"
    )


def test_undelivered_as_an_application_sought_past_it() -> None:
    def seeker(app: App) -> Steps:
        consumer = app.consumer("readers", [P.topic], auto_offset_reset="earliest")
        records = yield from consumer.poll(5000, max_records=1)
        consumer.seek(P, records[-1].offset + 4)
        while True:
            yield from consumer.poll(200)

    flown = Flown({"source": Source(50, 8), "reader": seeker}, seconds=10, groups=["readers"])
    when = next(time for time, fact in flown.facts if getattr(fact, "first_offset", None) == 4)
    assert {fate.cause for fate in flown.verdict.undelivered} == {
        f"never returned by a poll of readers: reader-consumer-1 went on at offset 4 at {at(when / 1e9)}"
    }


def test_undelivered_as_the_group_never_got_so_far() -> None:
    def idler(app: App) -> Steps:
        consumer = app.consumer("readers", [P.topic], auto_offset_reset="earliest")
        yield from consumer.poll(5000, max_records=3)

    flown = Flown({"source": Source(50, 8), "reader": idler}, seconds=10, groups=["readers", "nobody"])
    assert {fate.cause for fate in flown.verdict.undelivered} == {
        "never returned by a poll of readers, which got no further than offset 3 of payments-0",
        "never returned by a poll of nobody, which got nothing of payments-0",
    }


def test_sent_without_waiting_and_truncated() -> None:
    flown = Flown({"source": Source(50, 16, acks="0")}, [ISOLATED], 45)
    ((cut, _),) = flown.these(LogTruncated, partition=P)
    fate = flown.verdict.lost[0]
    leader = flown.flight.cluster.controller.image.leader(P)
    assert fate.cause == (
        f"sent to broker 1 at {at(fate.acknowledged_s)} with acks=0, written at epoch 0; truncated on broker 1 at "
        f"{cut} when broker {leader} led epoch 1"
    )
