"""What happens to the logs in the background: retention, compaction, records deleted on request."""

from collections.abc import Generator
from itertools import pairwise
from typing import Any

from simpy import Event

from sim.actors.client.app import App
from sim.actors.consumer.consumer_records import ConsumerRecord
from sim.machine.clock import SECOND
from sim.rules.errors import ErrorCode
from sim.rules.facts.journal import LogTruncated, PositionReset
from sim.rules.facts.storage import LogCleaned, LogStartRaised, SegmentsDeleted
from sim.rules.protocol.admin import DeletedRecords, DeleteRecordsRequest, DeleteRecordsResponse
from tests.actors.flights import P, Probe, Story

QUICK = {
    "log.initial.task.delay.ms": 1000,
    "log.retention.check.interval.ms": 1000,
    "log.cleaner.backoff.ms": 1000,
}
SMALL_SEGMENTS = {"segment.bytes": 1_048_576}
VALUE = bytes(100_000)


class Writer:
    """Sends so many records of 100 kB, ten a second; keys repeat where there are any, the last value is a null."""

    def __init__(self, count: int, keys: int = 0) -> None:
        self.count, self.keys = count, keys

    def __call__(self, app: App) -> Generator[Event, Any, Any]:
        producer = app.producer()
        for number in range(self.count):
            key = b"%d" % (number % self.keys) if self.keys else None
            value = VALUE if number < self.count - 1 else None
            yield from producer.send(P.topic, key=key, value=value, partition=0)
            yield app.busy(ms=100)
        yield from producer.close()


class Reader:
    """Reads from a time on, and rests between two times; notes what it got."""

    def __init__(self, from_s: float = 0.0, rest_s: tuple[float, float] = (0.0, 0.0), **config: object) -> None:
        self.from_s, self.rest_s, self.config = from_s, rest_s, config
        self.records: list[ConsumerRecord] = []

    def __call__(self, app: App) -> Generator[Event, Any, Any]:
        yield app.until(round(self.from_s * SECOND))
        consumer = app.consumer("readers", [P.topic], auto_offset_reset="earliest", **self.config)
        while True:
            if self.rest_s[0] * SECOND <= app.now < self.rest_s[1] * SECOND:
                yield app.until(round(self.rest_s[1] * SECOND))
            self.records += yield from consumer.poll(200)

    @property
    def offsets(self) -> list[int]:
        """The offsets read, in order."""
        return [record.offset for record in self.records]


def log_starts(story: Story) -> dict[int, int]:
    return {broker_id: broker.storage[P].log_start_offset for broker_id, broker in story.cluster.brokers.items()}


def test_retention_deletes_on_every_replica_and_a_slow_consumer_loses_what_it_has_not_read() -> None:
    slow = Reader(rest_s=(6.0, 30.0), fetch_max_bytes=1_000_000, max_poll_records=1)
    config = {**SMALL_SEGMENTS, "retention.ms": 5_000, "file.delete.delay.ms": 3_000}
    story = Story(1, {"writer": Writer(100), "slow": slow}, config, broker_config=QUICK)
    story.fly(12)
    leader = story.broker(story.first_leader)
    assert leader.logs.bytes_on_disk() > leader.storage[P].size_bytes
    story.fly(40)
    assert log_starts(story) == dict.fromkeys(story.cluster.brokers, 100)
    assert all(broker.storage[P].size_bytes == 0 for broker in story.cluster.brokers.values())
    assert {fact.broker_id for fact in story.these(SegmentsDeleted)} == set(story.cluster.brokers)
    assert sum(fact.segments for fact in story.these(SegmentsDeleted) if fact.broker_id == leader.node_id) == 10
    assert leader.logs.bytes_on_disk() == sum(log.size_bytes for log in leader.storage.values())
    assert 30 < len(slow.records) < 100
    assert slow.offsets == list(range(len(slow.records)))
    assert story.when(PositionReset, after_s=30.0)


def test_retention_by_size_keeps_the_newest_segments() -> None:
    late = Reader(from_s=15.0)
    config = {**SMALL_SEGMENTS, "retention.bytes": 2_500_000}
    story = Story(1, {"writer": Writer(80), "late": late}, config, broker_config=QUICK)
    story.fly(25)
    assert log_starts(story) == dict.fromkeys(story.cluster.brokers, 50)
    assert late.offsets == list(range(50, 80))


def test_a_follower_that_was_away_too_long_starts_anew_where_the_leader_begins() -> None:
    config = {**SMALL_SEGMENTS, "retention.ms": 4_000}
    story = Story(1, {"writer": Writer(250)}, config, broker_config=QUICK)
    away = story.broker(story.followers[0])
    story.at(2.0, away.stop)
    story.at(15.0, away.start)
    story.fly(40)
    assert story.isr() == set(story.cluster.brokers)
    assert log_starts(story) == dict.fromkeys(story.cluster.brokers, 250)
    [cut] = [fact for fact in story.these(LogTruncated) if fact.broker_id == away.node_id]
    assert cut.to_offset > cut.from_offset


def test_compaction_keeps_the_last_value_of_each_key_on_every_replica() -> None:
    late = Reader(from_s=20.0)
    config = {**SMALL_SEGMENTS, "cleanup.policy": "compact", "min.cleanable.dirty.ratio": 0.1}
    story = Story(1, {"writer": Writer(105, keys=4), "late": late}, config, broker_config=QUICK)
    story.fly(30)
    assert {fact.broker_id for fact in story.these(LogCleaned)} == set(story.cluster.brokers)
    assert log_starts(story) == dict.fromkeys(story.cluster.brokers, 0)
    for broker in story.cluster.brokers.values():
        offsets = [record.offset for batch in broker.storage[P].batches() for record in batch.records()]
        assert set(range(100, 105)) <= set(offsets)
        assert len(offsets) < 40
        assert broker.storage[P].log_end_offset == 105
        assert broker.cleaner_checkpoints[P] > 80
    leader = story.broker(story.first_leader).storage[P]
    assert late.offsets == [record.offset for batch in leader.batches() for record in batch.records()]
    last = {record.key: record.value for record in late.records}
    assert last == {b"0": None, b"1": VALUE, b"2": VALUE, b"3": VALUE}


def test_a_truncation_makes_dirty_again_what_was_cleaned_and_spoils_a_round_under_way() -> None:
    config = {**SMALL_SEGMENTS, "cleanup.policy": "compact", "min.cleanable.dirty.ratio": 0.1}
    rarely = {"log.cleaner.backoff.ms": 3_600_000}
    story = Story(1, {"writer": Writer(40, keys=4)}, config, broker_config=rarely)
    story.fly(6)
    broker = story.broker(story.first_leader)
    cleaner = broker.logs.cleaner
    cleaner._work()
    story.fly(6.1)
    assert broker.cleaner_checkpoints[P] == 30
    cleaner.truncated(P, 31)
    assert broker.cleaner_checkpoints[P] == 30
    cleaner.truncated(P, 3)
    assert broker.cleaner_checkpoints[P] == 3
    before = list(broker.storage[P].batches())
    cleaner._work()
    cleaner.truncated(P, 2)
    assert list(broker.storage[P].batches()) == before
    assert broker.cleaner_checkpoints[P] == 2
    story.fly(6.2)
    assert len(story.these(LogCleaned)) == 2
    assert broker.cleaner_checkpoints[P] == 30


def test_a_compacted_topic_takes_no_record_without_a_key() -> None:
    story = Story(1, {"writer": Writer(3)}, {"cleanup.policy": "compact"})
    story.fly(5)
    assert story.broker(story.first_leader).storage[P].log_end_offset == 0


def ask(story: Story, offset: int, broker_id: int = 0, timeout_ms: int = 5_000, wait_s: float = 2.0) -> list[object]:
    request = DeleteRecordsRequest({P: offset}, timeout_ms)
    probe = Probe(story, f"probe-{story.now_s}")
    answers = probe.ask(broker_id or story.first_leader, request, wait_s=wait_s)
    return [answer.partitions[P] for answer in answers if isinstance(answer, DeleteRecordsResponse)]


def test_deleted_records_are_gone_on_every_replica_before_the_answer() -> None:
    story = Story(1, {"writer": Writer(40)}, SMALL_SEGMENTS, broker_config=QUICK)
    story.fly(8)
    assert ask(story, 25) == [DeletedRecords(ErrorCode.NONE, 25)]
    assert log_starts(story) == dict.fromkeys(story.cluster.brokers, 25)
    assert story.these(LogStartRaised)[0].log_start_offset == 25
    assert [segment.base_offset for segment in story.broker(story.first_leader).storage[P].segments] == [20, 30]
    assert ask(story, -1) == [DeletedRecords(ErrorCode.NONE, 40)]
    assert ask(story, 10) == [DeletedRecords(ErrorCode.NONE, 40)]
    assert ask(story, 41) == [DeletedRecords(ErrorCode.OFFSET_OUT_OF_RANGE)]
    assert ask(story, 40, story.followers[0]) == [DeletedRecords(ErrorCode.NOT_LEADER_OR_FOLLOWER)]
    reader = Reader()
    story.cluster.app("reader", reader, {}).start()
    story.fly(story.now_s + 6)
    assert reader.records == []


def test_deleting_waits_for_a_silent_replica_until_it_is_fenced_or_time_is_up() -> None:
    story = Story(1, {"writer": Writer(20)}, SMALL_SEGMENTS)
    story.fly(5)
    story.broker(story.followers[0]).pause()
    assert ask(story, 10, timeout_ms=1_000) == [DeletedRecords(ErrorCode.REQUEST_TIMED_OUT, 0)]
    assert ask(story, 15, timeout_ms=60_000, wait_s=15.0) == [DeletedRecords(ErrorCode.NONE, 15)]


def test_producers_that_have_long_been_silent_are_forgotten() -> None:
    config = {"producer.id.expiration.ms": 3_000, "producer.id.expiration.check.interval.ms": 1_000}
    story = Story(1, {"writer": Writer(5)}, broker_config=config)
    story.fly(2)
    assert story.broker(story.first_leader).storage[P].producers.entries
    story.fly(6)
    assert all(not broker.storage[P].producers.entries for broker in story.cluster.brokers.values())


def test_jitter_rolls_segments_at_different_times() -> None:
    story = Story(1, {"writer": Writer(200)}, {"segment.ms": 4_000, "segment.jitter.ms": 3_000})
    story.fly(22)
    segments = story.broker(story.first_leader).storage[P].segments
    steps = {after.base_offset - before.base_offset for before, after in pairwise(segments)}
    assert len(steps) > 1
    assert max(steps) <= 42
    plain = Story(1, {"writer": Writer(200)}, {"segment.ms": 4_000})
    plain.fly(22)
    assert [segment.base_offset for segment in plain.broker(plain.first_leader).storage[P].segments[:3]] == [0, 41, 82]
