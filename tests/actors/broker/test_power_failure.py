"""Losses of power: what was neither flushed nor written back is gone, acknowledged or not."""

from collections.abc import Sequence
from typing import Any

import pytest

from sim.machine.clock import SECOND
from sim.rules.facts.journal import IsrChanged, LeaderElected, LogTruncated
from sim.rules.facts.storage import UnflushedLost
from tests.actors.flights import P, Source, Story

QUICK = {"broker.session.timeout.ms": 3000}


def flown(source: Source, brokers: Sequence[int], at_s: float, until_s: float, **options: Any) -> Story:
    """Brokers lose power at a time and start again two seconds later."""
    story = Story(apps={"source": source}, **options)
    for broker_id in brokers:
        broker = story.broker(broker_id)
        story.at(at_s, broker.lose_power)
        story.at(at_s + 2, broker.start)
    story.fly(until_s)
    return story


def lost(story: Story, source: Source) -> set[int]:
    """The acknowledged numbers that the leader's log has not."""
    return source.acknowledged - set(story.numbers(story.cluster.controller.image.leader(P)))


@pytest.mark.parametrize("leads", [True, False])
def test_one_of_three_loses_its_tail_and_gets_it_back_from_the_others(leads: bool) -> None:
    source = Source(50, 30, acks="all", request_timeout_ms=2000)
    story = flown(source, [2], 12, 40, broker_config=QUICK, seed=2 if leads else 1)
    assert (story.first_leader == 2) is leads
    (cut,) = [fact for fact in story.these(UnflushedLost) if fact.partition == P]
    assert (cut.broker_id, cut.to_offset) == (2, 0)
    assert cut.from_offset == sum(batch.count for batch in cut.removed) > 200
    assert lost(story, source) == set()
    assert story.isr() == {1, 2, 3}
    assert story.logs_agree([P])
    assert source.failed == 0


def test_all_three_at_once_lose_exactly_what_was_not_written_back() -> None:
    source = Source(50, 60, acks="all", request_timeout_ms=2000)
    story = flown(source, [1, 2, 3], 52, 80, broker_config=QUICK)
    cuts = {fact.broker_id: fact for fact in story.these(UnflushedLost) if fact.partition == P}
    assert sorted(cuts) == [1, 2, 3]
    assert len({fact.to_offset for fact in cuts.values()}) == 1
    written_back = cuts[1].to_offset
    told_before = {number for number, time in source.acknowledged_at.items() if time < 52 * SECOND}
    assert lost(story, source) == {number for number in told_before if number >= written_back}
    # dirty from the first look at 5 s on, so written back at 35 s: the records of 17 seconds are gone
    assert len(lost(story, source)) == pytest.approx(17 * 20, rel=0.05)
    assert story.isr() == {1, 2, 3}
    assert story.logs_agree([P])


def test_who_led_last_leads_again_as_nobody_is_known_to_have_everything() -> None:
    story = flown(Source(50, 20, acks="all", request_timeout_ms=2000), [1, 2, 3], 12, 35, broker_config=QUICK)
    image = story.cluster.controller.image.partitions[P]
    assert image.leader_epoch >= 2
    assert story.when(LeaderElected, after_s=12, partition=P, recovering=True)
    assert [fact.isr for fact in story.these(IsrChanged) if fact.partition == P and not fact.isr]


@pytest.mark.parametrize("where", ["broker", "topic"])
def test_a_flush_for_every_message_loses_nothing(where: str) -> None:
    source = Source(50, 30, acks="all", request_timeout_ms=2000)
    options: dict[str, Any] = {"broker_config": QUICK}
    if where == "broker":
        options["broker_config"] = {**QUICK, "log.flush.interval.messages": 1}
    else:
        options["topic_config"] = {"flush.messages": 1}
    story = flown(source, [1, 2, 3], 12, 45, **options)
    assert not [fact for fact in story.these(UnflushedLost) if fact.partition == P and fact.from_offset > 0]
    assert len(source.acknowledged) > 250
    assert lost(story, source) == set()


def test_flushes_by_time_bound_what_is_lost() -> None:
    config = {
        **QUICK,
        "log.flush.interval.ms": 1000,
        "log.flush.scheduler.interval.ms": 500,
        "log.initial.task.delay.ms": 0,
    }
    source = Source(50, 30, acks="all", request_timeout_ms=2000)
    story = flown(source, [1, 2, 3], 12.3, 45, broker_config=config)
    assert 0 < len(lost(story, source)) <= 1.5 * 20 + 1


def test_a_clean_shutdown_before_the_power_goes_keeps_everything() -> None:
    source = Source(50, 8, acks="all")
    story = Story(apps={"source": source})
    broker = story.broker(2)
    story.at(9, broker.shut_down)
    story.at(20, broker.lose_power)
    story.at(22, broker.start)
    story.fly(35)
    assert not [fact for fact in story.these(UnflushedLost) if fact.broker_id == 2]
    assert not story.these(LogTruncated)
    assert story.isr() == {1, 2, 3}
