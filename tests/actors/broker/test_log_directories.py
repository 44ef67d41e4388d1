"""Log directories that fail: what moves, what stays, and when the broker goes."""

from collections.abc import Callable
from typing import Any

import pytest

from sim.machine.devices import Disk
from sim.rules.controller.metadata import MetadataImage
from sim.rules.errors import ErrorCode
from sim.rules.facts.journal import (
    BatchRetried,
    BrokerFenced,
    BrokerRegistered,
    BrokerStopped,
    IsrChanged,
    LeaderElected,
)
from sim.rules.facts.replication import BrokerShuttingDown
from sim.rules.facts.storage import LogDirectoryFailed
from sim.rules.groups.coordinator import OFFSETS_TOPIC, partition_for_group
from sim.rules.protocol.messages import FetchPartition, FetchRequest, FetchResponse
from sim.rules.protocol.topic import CreateTopicsRequest, NewTopic
from sim.rules.topics import TopicPartition
from sim.world.topics import Topic
from tests.actors.flights import P, Probe, Sink, Source, Story

BEFORE, AFTER = Topic("before", 1, 3), Topic("after", 4, 3)
"""Replicas go to the directories in turn, so that `payments-0` lies in directory 1 of each broker."""


STORAGE_ERROR = ErrorCode.KAFKA_STORAGE_ERROR


class Jbod(Story):
    """A cluster with two log directories on each broker."""

    def __init__(self, **options: Any) -> None:
        super().__init__(log_dirs=2, topics_before=[BEFORE], more_topics=[AFTER], **options)

    def disk(self, broker_id: int, directory: int) -> Disk:
        """One of a broker's disks."""
        return self.broker(broker_id).log_directories.disks[directory]

    def fail(self, broker_id: int, directory: int) -> Callable[[], None]:
        """Lets a disk fail."""
        return lambda: setattr(self.disk(broker_id, directory), "failed", True)

    def mend(self, broker_id: int, directory: int) -> Callable[[], None]:
        """Makes a disk sound again."""
        return lambda: setattr(self.disk(broker_id, directory), "failed", False)

    def inside(self, broker_id: int, directory: int) -> set[TopicPartition]:
        """The partitions whose replica on a broker lies in a directory."""
        places = self.broker(broker_id).log_directories.places
        return {name for name, place in places.items() if place == directory}

    @property
    def image(self) -> MetadataImage:
        """The controller's."""
        return self.cluster.controller.image


def test_replicas_are_spread_evenly_over_the_directories_and_the_controller_knows_where() -> None:
    story = Jbod()
    story.fly(1)
    for broker_id, broker in story.cluster.brokers.items():
        counts = [len(story.inside(broker_id, directory)) for directory in (0, 1)]
        assert sum(counts) == len(broker.storage)
        assert abs(counts[0] - counts[1]) <= 1
        places = broker.log_directories.places
        assert all(story.image.directory(name, broker_id) == place for name, place in places.items())
        assert places[P] == 1


def test_a_failed_directory_moves_only_its_own_partitions_and_loses_nothing_acknowledged() -> None:
    source, sink = Source(20, 12, acks="all", request_timeout_ms=2000), Sink()
    story = Jbod(apps={"source": source, "sink": sink})
    broken = story.first_leader
    affected, led = story.inside(broken, 1), [n for n, p in story.image.partitions.items() if p.leader == broken]
    kept = [name for name in led if name not in affected]
    story.at(4, story.fail(broken, 1))
    story.fly(20)
    (failed,) = story.these(LogDirectoryFailed)
    assert (failed.broker_id, failed.directory, set(failed.partitions)) == (broken, 1, affected)
    (elected,) = story.when(LeaderElected, after_s=4, partition=P)
    assert story.when(LogDirectoryFailed)[0] == pytest.approx(4, abs=0.03)
    assert elected == pytest.approx(4, abs=0.1)
    assert {name for name, p in story.image.partitions.items() if broken not in p.isr} == affected
    assert all(story.image.leader(name) == broken for name in kept)
    assert kept
    assert story.broker(broken).life.alive
    assert not story.when(BrokerFenced)
    assert len(source.acknowledged) == len(source.deliveries)
    assert all(length < 1 for _, length in source.gaps())
    assert BatchRetried in {type(fact) for _, fact in story.facts if getattr(fact, "error", None) is STORAGE_ERROR}
    assert source.failed == 0
    assert story.acknowledged_numbers_in_order(story.image.leader(P), source)
    assert source.acknowledged <= set(sink.numbers)


def test_who_fetches_from_a_failed_directory_is_told_so_at_once() -> None:
    story = Jbod()
    story.fly(1)
    story.fail(story.first_leader, 1)()
    probe = Probe(story)
    story.fly(6.5)
    request = FetchRequest(-1, 0, 0, 500, 1, 1 << 20, {P: FetchPartition(0, 1 << 20)})
    (answer,) = probe.ask(story.first_leader, request)
    assert isinstance(answer, FetchResponse)
    assert answer.partitions[P].error is STORAGE_ERROR


def test_an_idle_disk_is_found_out_when_checkpoints_are_written() -> None:
    story = Jbod()
    story.at(1, story.fail(2, 1))
    story.fly(6)
    assert story.when(LogDirectoryFailed, broker_id=2) == [5.0]


def test_a_follower_with_a_failed_directory_leaves_the_isr_at_once_but_bounds_the_watermark_while_it_looks_level() -> (
    None
):
    """Kafka waits for a replica outside the ISR that was level within replica.lag.time.max.ms: it might join."""
    source = Source(20, 9, acks="all", request_timeout_ms=1000, delivery_timeout_ms=60_000)
    story = Jbod(apps={"source": source}, broker_config={"replica.lag.time.max.ms": 5000})
    follower = story.followers[0]
    story.at(4, story.fail(follower, 1))
    story.fly(15)
    (shrunk,) = story.when(IsrChanged, after_s=4, partition=P)
    assert shrunk == pytest.approx(4.0, abs=0.1)
    assert story.isr() == {1, 2, 3} - {follower}
    (gap,) = source.gaps()
    assert gap[0] == pytest.approx(4.0, abs=0.1)
    assert 9 < sum(gap) < 11
    assert len(source.acknowledged) == len(source.deliveries)
    assert len(story.these(LogDirectoryFailed)) == 1
    others = story.inside(follower, 0)
    assert all(follower in story.image.partitions[name].isr for name in others)


def test_a_directory_comes_back_only_with_a_restart_after_the_disk_was_mended() -> None:
    source = Source(50, 28, acks="all", request_timeout_ms=2000)
    story = Jbod(apps={"source": source})
    broken = story.first_leader
    story.at(4, story.fail(broken, 1))
    story.at(8, story.mend(broken, 1))
    isr_before: list[set[int]] = []
    story.at(15, lambda: isr_before.append(story.isr()))
    story.at(15, lambda: story.broker(broken).shut_down())
    story.at(19, lambda: story.broker(broken).start())
    story.fly(30)
    assert isr_before == [{1, 2, 3} - {broken}]
    assert story.when(BrokerShuttingDown, broker_id=broken)
    assert story.isr() == {1, 2, 3}
    assert story.image.brokers[broken].offline_directories == ()
    assert source.failed == 0
    assert story.logs_agree([P])
    assert story.acknowledged_numbers_in_order(broken, source)


def test_a_broker_that_starts_with_a_failed_disk_serves_the_rest() -> None:
    story = Jbod()
    broken = story.first_leader
    story.at(1, story.fail(broken, 1))
    story.at(2, story.broker(broken).stop)
    story.at(12, story.broker(broken).start)
    story.fly(25)
    affected = story.inside(broken, 1)
    assert story.image.brokers[broken].offline_directories == (1,)
    assert {name for name, p in story.image.partitions.items() if broken not in p.isr} == affected
    assert not any(story.image.leader(name) == broken for name in affected)
    assert story.broker(broken).replicas.find(P) is STORAGE_ERROR


def test_a_full_disk_is_an_error_like_any_other() -> None:
    source = Source(20, 8, acks="all", request_timeout_ms=2000)
    story = Jbod(apps={"source": source})
    story.at(4, lambda: setattr(story.disk(story.first_leader, 1), "full", True))
    story.fly(14)
    (elected,) = story.when(LeaderElected, after_s=4, partition=P)
    assert elected == pytest.approx(4, abs=0.1)
    assert len(source.acknowledged) == len(source.deliveries)
    assert story.acknowledged_numbers_in_order(story.image.leader(P), source)


@pytest.mark.parametrize("log_dirs", [1, 2])
def test_without_the_metadata_logs_directory_the_broker_halts_and_is_fenced_after_its_session(log_dirs: int) -> None:
    source = Source(20, 18, acks="all", request_timeout_ms=2000)
    story = Story(apps={"source": source}, log_dirs=log_dirs)
    broken = story.first_leader
    story.at(4, lambda: setattr(story.broker(broken).log_directories.disks[0], "failed", True))
    story.fly(26)
    (stopped,) = story.when(BrokerStopped, broker_id=broken)
    (fenced,) = story.when(BrokerFenced, broker_id=broken)
    assert stopped == pytest.approx(4, abs=0.03)
    assert stopped + 7 <= fenced <= stopped + 9 + 1.2
    assert not story.when(BrokerShuttingDown)
    assert story.cluster.controller.image.leader(P) != broken
    assert source.failed == 0
    assert story.acknowledged_numbers_in_order(story.cluster.controller.image.leader(P), source)


def test_a_halted_broker_whose_disk_is_mended_comes_back_after_an_unclean_end() -> None:
    source = Source(50, 28, acks="all")
    story = Story(apps={"source": source})
    broken = story.followers[0]
    disk = story.broker(broken).log_directories.disks[0]
    story.at(4, lambda: setattr(disk, "failed", True))
    story.at(8, story.broker(broken).start)
    story.at(16, lambda: setattr(disk, "failed", False))
    story.at(17, story.broker(broken).start)
    story.fly(30)
    assert [round(time) for time in story.when(BrokerStopped, broker_id=broken)] == [4, 8]
    assert len(story.when(BrokerRegistered, broker_id=broken)) == 1
    assert story.isr() == {1, 2, 3}
    assert story.logs_agree([P])


def test_a_broker_that_cannot_tell_the_controller_of_a_failed_directory_shuts_down() -> None:
    story = Jbod(broker_config={"log.dir.failure.timeout.ms": 5000, "controlled.shutdown.enable": False})
    story.at(1, story.cluster.controller.stop)
    story.at(2, story.fail(2, 1))
    story.fly(12)
    assert story.when(LogDirectoryFailed, broker_id=2) == [5.0]
    assert story.when(BrokerStopped, broker_id=2) == [10.0]


def test_the_directory_of_a_partition_that_is_created_later_is_told_to_the_controller() -> None:
    story = Jbod()
    probe = Probe(story)
    story.fly(1)
    probe.ask(1, CreateTopicsRequest([NewTopic("late", 1, 3)]))
    story.fly(4)
    name = TopicPartition("late", 0)
    for broker_id, broker in story.cluster.brokers.items():
        assert story.image.directory(name, broker_id) == broker.log_directories.places[name]
    leader = story.image.leader(name)
    story.fail(leader, story.broker(leader).log_directories.places[name])()
    story.fly(12)
    assert story.image.leader(name) != leader


def test_a_group_whose_coordinator_loses_its_directory_goes_on_elsewhere() -> None:
    group_id = next(f"sink-{number}" for number in range(99) if partition_for_group(f"sink-{number}", 3) == 1)
    offsets = TopicPartition(OFFSETS_TOPIC, 1)
    source, sink = Source(50, 16, acks="all", request_timeout_ms=2000), Sink(group_id)
    config = {"replica.lag.time.max.ms": 3000}
    story = Jbod(apps={"source": source, "sink": sink}, broker_config=config)
    coordinator = story.image.leader(offsets)
    assert offsets in story.inside(coordinator, 1)
    story.at(6, story.fail(coordinator, 1))
    story.fly(22)
    assert story.image.leader(offsets) != coordinator
    assert story.broker(coordinator).life.alive
    assert source.acknowledged == set(sink.numbers)
    assert len(source.acknowledged) == len(source.deliveries) > 200
    committed = story.cluster.committed_offsets(group_id)
    assert committed is not None
    assert committed[P] == story.broker(story.image.leader(P)).storage[P].log_end_offset
