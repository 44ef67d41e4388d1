"""What a slow or stalled disk, and a busy machine, do to acknowledgements; in milliseconds."""

from collections.abc import Callable, Generator, Mapping
from statistics import median
from typing import Any

import pytest
from simpy import Event

from sim.actors.client.app import App
from sim.machine.clock import MILLISECOND
from sim.machine.devices import Hardware
from sim.rules.facts.journal import IsrChanged
from tests.actors.flights import P, Source, Story, seconds

HARDWARE = Hardware(disk_seek=2 * MILLISECOND)


class Stopwatch:
    """Sends a record every so many milliseconds and notes how long each acknowledgement took."""

    def __init__(self, every_ms: float = 100, **config: object) -> None:
        self.every_ms, self.config = every_ms, config
        self.took_ms: list[float] = []

    def __call__(self, app: App) -> Generator[Event, Any, Any]:
        producer = app.producer(acks="all", linger_ms=0, **self.config)
        yield app.busy(ms=1000)
        while True:
            began = app.now
            delivery = yield from producer.send(P.topic, value=b"0", partition=0)
            yield from delivery.get()
            self.took_ms.append((app.now - began) / MILLISECOND)
            yield app.busy(ms=self.every_ms)


def latency(
    impair: Callable[[Story], None] | None = None, topic_config: Mapping[str, object] | None = None, **options: Any
) -> float:
    """The median time of an acknowledgement while something is impaired."""
    watch = Stopwatch()
    story = Story(apps={"app": watch}, topic_config=topic_config, hardware=HARDWARE, **options)
    if impair is not None:
        impair(story)
    story.fly(4)
    assert len(watch.took_ms) > 10
    return median(watch.took_ms)


def slow_follower(story: Story) -> None:
    story.broker(story.followers[0]).log_directories.disks[0].slow_down(0, 10)


def test_the_page_cache_hides_a_slow_disk() -> None:
    assert latency(slow_follower) == pytest.approx(latency(), abs=0.01)


def test_with_a_flush_for_every_message_each_disk_on_the_way_is_waited_for() -> None:
    flushed = {"flush.messages": 1}
    plain, synced = latency(), latency(topic_config=flushed)
    assert synced - plain == pytest.approx(4, abs=0.5)
    assert latency(slow_follower, flushed) - synced == pytest.approx(18, abs=0.5)


def test_the_broker_wide_key_counts_where_the_topic_has_none() -> None:
    synced = latency(broker_config={"log.flush.interval.messages": 1})
    assert synced - latency() == pytest.approx(4, abs=0.5)


def test_contention_multiplies_the_work_of_requests() -> None:
    hardware = Hardware(request_cost=2 * MILLISECOND)

    def took(slowness: float) -> float:
        watch = Stopwatch()
        story = Story(apps={"app": watch}, hardware=hardware)
        for broker in story.cluster.brokers.values():
            broker.cpu.slowness = slowness
        story.fly(4)
        return median(watch.took_ms)

    usual, busy = took(1), took(4)
    assert usual == pytest.approx(2 * 3, rel=0.2)
    assert busy / usual == pytest.approx(4, rel=0.15)


def test_a_follower_whose_disk_stalls_stops_acknowledgements_until_it_goes_on() -> None:
    source = Source(50, 12, acks="all")
    story = Story(apps={"source": source})
    disk = story.broker(story.followers[0]).log_directories.disks[0]
    story.at(3, lambda: disk.stall(int(story.machine.clock.now), 7_000_000_000))
    story.fly(14)
    (gap,) = source.gaps()
    assert gap[0] == pytest.approx(3, abs=0.1)
    assert sum(gap) == pytest.approx(7, abs=0.1)
    assert source.failed == 0
    assert story.isr() == {1, 2, 3}
    assert story.logs_agree([P])


def test_a_follower_whose_disk_stalls_for_good_leaves_the_isr_and_acknowledgements_go_on() -> None:
    source = Source(50, 19, acks="all")
    story = Story(apps={"source": source}, broker_config={"replica.lag.time.max.ms": 8000})
    stalled = story.followers[0]
    disk = story.broker(stalled).log_directories.disks[0]
    story.at(3, lambda: disk.stall(int(story.machine.clock.now), 1 << 62))
    story.fly(20)
    (gap,) = source.gaps()
    (shrunk,) = story.when(IsrChanged, after_s=3, partition=P)
    assert gap[0] == pytest.approx(3, abs=0.1)
    assert sum(gap) == pytest.approx(shrunk, abs=0.2)
    assert 11 <= shrunk <= 3 + 1.5 * 8 + 0.1
    assert story.isr() == {story.first_leader, story.followers[1]}


def test_a_leader_whose_disk_stalls_appends_nothing_and_stays_leader() -> None:
    source = Source(50, 12, acks="all")
    story = Story(apps={"source": source})
    leader = story.broker(story.first_leader)
    story.at(3, lambda: leader.log_directories.disks[0].stall(int(story.machine.clock.now), 7_000_000_000))
    ends: list[int] = []
    for time in (3.5, 6.9):
        story.at(time, lambda: ends.append(leader.storage[P].log_end_offset))
    story.fly(14)
    assert ends[0] == ends[1]
    assert story.cluster.controller.image.leader(P) == story.first_leader
    (gap,) = source.gaps()
    assert sum(gap) == pytest.approx(7, abs=0.1)
    assert story.acknowledged_numbers_in_order(story.first_leader, source)
    assert len(source.acknowledged) == len(source.deliveries)


def test_requests_that_wait_for_a_stalled_disk_keep_the_handlers_busy() -> None:
    story = Story(
        apps={f"source-{number}": Source(100, 9, acks=1) for number in range(3)}, broker_config={"num.io.threads": 2}
    )
    leader = story.broker(story.first_leader)
    story.at(3, lambda: leader.log_directories.disks[0].stall(int(story.machine.clock.now), 6_000_000_000))
    story.fly(5)
    assert seconds(leader.cpu.work(int(story.machine.clock.now), 0)) == pytest.approx(6, abs=0.01)


def test_time_based_flushes_need_the_schedulers_interval() -> None:
    def unflushed(**config: object) -> int:
        story = Story(apps={"source": Source(100, 5)}, broker_config={"log.initial.task.delay.ms": 1000, **config})
        story.fly(8)
        return story.broker(story.first_leader).storage[P].unflushed_messages

    assert unflushed(log_flush_interval_ms=500) > 30
    assert unflushed(log_flush_interval_ms=500, log_flush_scheduler_interval_ms=250) == 0
