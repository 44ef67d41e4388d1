"""What an application may ask of and tell its consumer besides poll() and commit()."""

from collections.abc import Sequence
from typing import Any

import pytest

from sim.actors.client.app import App
from sim.actors.consumer.consumer import (
    CommitFailedError,
    RebalanceListener,
    RetriableCommitFailedError,
    WakeupError,
)
from sim.rules.facts.journal import AppFailed
from sim.rules.protocol.group import OffsetAndMetadata
from sim.rules.storage.offset_lookup import FoundOffset
from sim.rules.topics import TopicPartition
from sim.world.topics import Topic
from tests.actors.consumer.test_consumer_polling import Steps, assigned, fly, writer
from tests.actors.flights import P, Story, seconds

WIDE = [TopicPartition("wide", number) for number in range(4)]


def test_seek_to_beginning_and_end_are_looked_up_by_the_next_poll() -> None:
    """The fetch of the end is under way for up to 500 ms; until then that broker is not asked for anything else."""
    got: list[int | None] = []

    def read(app: App) -> Steps:
        yield app.busy(ms=500)
        for policy in ("earliest", "none"):
            consumer = app.consumer(auto_offset_reset=policy)
            consumer.assign([P])
            consumer.seek_to_end()
            assert consumer.position(P) is None
            assert (yield from consumer.poll(100)) == []
            got.append(consumer.position(P))
            consumer.seek_to_beginning([P])
            got.append((yield from consumer.poll(1000))[0].offset)
        with pytest.raises(ValueError, match="does not own wide-0"):
            consumer.seek_to_end([WIDE[0]])
        with pytest.raises(ValueError, match="negative"):
            consumer.seek(P, -1)

    fly(read)
    assert got == [100, 0, 100, 0]


def test_offsets_are_found_by_time_and_at_both_ends() -> None:
    """Ten batches of ten, 100 ms apart from 0.1 s on; a partition without records has neither beginning nor end."""
    found: list[Any] = []

    def read(app: App) -> Steps:
        yield app.busy(ms=2500)
        reader = assigned(app, P)
        records = yield from reader.poll()
        first = next(record for record in records if record.timestamp_ms >= 350)
        assert 0 < first.offset < 90
        consumer = app.consumer()
        assert (yield from consumer.beginning_offsets([P, WIDE[0]])) == {P: 0, WIDE[0]: 0}
        assert (yield from consumer.end_offsets([P, WIDE[0]])) == {P: 100, WIDE[0]: 0}
        assert (yield from consumer.get_watermark_offsets(P)) == (0, 100)
        by_time = yield from consumer.offsets_for_times({P: 350, WIDE[0]: 0})
        assert by_time == {P: FoundOffset(first.offset, first.timestamp_ms, 0), WIDE[0]: None}
        assert (yield from consumer.offsets_for_times({P: 5000})) == {P: None}
        with pytest.raises(ValueError, match="cannot be negative"):
            yield from consumer.offsets_for_times({P: -1})
        assert (yield from consumer.partitions_for_topic("wide")) == WIDE
        found.extend((yield from consumer.topics()))

    story = Story(apps={"writer": writer({P: [10] * 10}, every_ms=100)}, more_topics=[Topic("wide", 4, 3)])
    reader = story.cluster.app("reader", read, {})
    reader.start()
    story.fly(4.0)
    assert reader.finished
    assert found == ["payments", "wide"]


def test_by_duration_begins_so_far_back_and_waits_if_nothing_is_that_young() -> None:
    """Records of 0.1 to 1.1 s; at 2 s 1.5 s back is in their midst, 0.5 s back is after the last."""
    got: dict[str, list[int]] = {}

    def read(app: App) -> Steps:
        yield app.busy(ms=2000)
        for duration in ("PT1.5S", "PT0.5S"):
            consumer = app.consumer(auto_offset_reset=f"by_duration:{duration}")
            consumer.assign([P])
            began_ms = app.now_ms
            records = yield from consumer.poll(500)
            got[duration] = [record.timestamp_ms - began_ms for record in records]
            assert (consumer.position(P) is None) == (duration == "PT0.5S")

    story = Story(apps={"writer": writer({P: [10] * 10}, every_ms=100)})
    reader = story.cluster.app("reader", read, {})
    reader.start()
    story.fly(4.0)
    assert reader.finished
    assert -1500 <= min(got["PT1.5S"]) < -1300
    assert got["PT0.5S"] == []


def test_a_commit_keeps_a_note_and_partitions_are_committed_one_by_one() -> None:
    def read(app: App) -> Steps:
        consumer = app.consumer("readers")
        yield from consumer.commit({P: OffsetAndMetadata(7, "half of it"), WIDE[1]: 3})
        assert (yield from consumer.committed([P, *WIDE])) == {P: 7, WIDE[1]: 3}
        notes = yield from consumer.committed([P, WIDE[1]], metadata=True)
        assert notes == {P: OffsetAndMetadata(7, "half of it"), WIDE[1]: OffsetAndMetadata(3)}
        yield from consumer.commit({P: 8})
        assert (yield from consumer.committed([P], metadata=True)) == {P: OffsetAndMetadata(8)}
        with pytest.raises(CommitFailedError, match="OFFSET_METADATA_TOO_LARGE"):
            yield from consumer.commit({P: OffsetAndMetadata(9, "x" * 4097)})
        assert (yield from consumer.committed([P])) == {P: 8}

    fly(read)


def test_a_commit_that_is_not_waited_for_calls_back_in_a_later_poll() -> None:
    told: list[tuple[float, int | OffsetAndMetadata, str]] = []

    def read(app: App) -> Steps:
        def note(offsets: Any, error: Exception | None) -> None:
            told.append((seconds(app.now), offsets[P], type(error).__name__))

        consumer = assigned(app, P, group_id="readers")
        yield from consumer.committed([P])
        for offset in (1, 2):
            consumer.commit_async({P: offset}, note)
        yield app.busy(ms=1000)
        assert told == [], "not before the application polls"
        yield from consumer.poll(0)
        assert [(offset, error) for _, offset, error in told] == [(1, "NoneType"), (2, "NoneType")]
        assert (yield from consumer.committed([P])) == {P: 2}
        consumer.commit_async({P: 3}, note)
        yield from consumer.close()
        assert told[-1][1:] == (3, "NoneType"), "close() waits for it"

    fly(read)


def test_a_commit_that_is_not_waited_for_is_not_repeated() -> None:
    """The coordinator is dead: commit_async gives up at once, commit() goes on until it is elected elsewhere."""
    told: list[str] = []

    def read(app: App) -> Steps:
        consumer = app.consumer("readers", request_timeout_ms=2000)
        consumer.assign([P])
        yield from consumer.commit({P: 1})
        coordinator = consumer._parts.member._context.coordinator.coordinator  # type: ignore[attr-defined]
        story.broker(coordinator).stop()
        consumer.commit_async({P: 2}, lambda _, error: told.append(type(error).__name__))
        yield from consumer.poll(3000)
        yield from consumer.poll(0)
        assert told == [RetriableCommitFailedError.__name__]
        assert seconds(app.now) < 4
        yield from consumer.commit({P: 3})
        assert seconds(app.now) > 7
        assert (yield from consumer.committed([P])) == {P: 3}

    story = Story(apps={})
    reader = story.cluster.app("reader", read, {})
    reader.start()
    story.fly(20)
    assert reader.finished


def test_wakeup_interrupts_a_poll_that_waits_or_else_the_next_one() -> None:
    times: list[float] = []

    def read(app: App) -> Steps:
        consumer = assigned(app, WIDE[0])
        app.at(300_000_000, consumer.wakeup)
        for _ in range(2):
            with pytest.raises(WakeupError):
                yield from consumer.poll(5000)
            times.append(seconds(app.now))
            consumer.wakeup()
        with pytest.raises(WakeupError):
            yield from consumer.poll(5000)
        assert (yield from consumer.poll(200)) == []
        times.append(seconds(app.now))

    fly(read)
    assert times == pytest.approx([0.3, 0.3, 0.5], abs=0.01)


def test_an_error_of_the_listener_leaves_through_poll_and_the_partitions_are_owned() -> None:
    class Careless(RebalanceListener):
        def on_partitions_assigned(self, partitions: Sequence[TopicPartition]) -> None:
            raise CommitFailedError(f"of the listener, {len(partitions)}")

    def read(app: App) -> Steps:
        consumer = app.consumer("readers")
        consumer.subscribe(["payments"], Careless())
        with pytest.raises(CommitFailedError, match="of the listener, 1"):
            yield from consumer.poll(5000)
        assert consumer.assignment() == [P]
        consumer.seek_to_beginning()
        assert len((yield from consumer.poll(1000))) == 100

    assert fly(read, until_s=6.0).these(AppFailed) == []


def test_subscribing_and_assigning_exclude_each_other_until_unsubscribed() -> None:
    def read(app: App) -> Steps:
        consumer = app.consumer("readers", ["wide"], auto_offset_reset="earliest")
        with pytest.raises(ValueError, match="mutually exclusive"):
            consumer.assign([P])
        while not consumer.assignment():
            yield from consumer.poll(100)
        assert consumer.subscription() == ["wide"]
        assert consumer.consumer_group_metadata().generation == 1
        yield from consumer.unsubscribe()
        assert (consumer.assignment(), consumer.subscription()) == ([], [])
        consumer.assign([P])
        with pytest.raises(ValueError, match="mutually exclusive"):
            consumer.subscribe(["wide"])
        assert len((yield from consumer.poll(1000))) == 100
        assert consumer.current_lag(P) == 0

    fly(read, until_s=8.0)
