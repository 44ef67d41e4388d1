"""The share consumer's own rules: what it refuses, whom it calls back, and how much it hands out."""

from collections.abc import Generator, Mapping, Sequence
from typing import Any

import pytest
from simpy import Event

from sim.actors.client.app import App
from sim.actors.client.client_errors import ClientClosedError, WakeupError
from sim.actors.share.share_consumer import AcknowledgeType, ShareRecord
from sim.rules.errors import ConfigError, ErrorCode
from sim.rules.topics import TopicPartition
from tests.actors.flights import P, Source
from tests.actors.sharing import GROUP, Sharing

Steps = Generator[Event, Any, Any]


def test_what_is_refused() -> None:
    checked: list[str] = []

    def ask(app: App) -> Steps:
        with pytest.raises(ValueError, match="needs a group"):
            app.share_consumer("")
        with pytest.raises(ConfigError, match="cannot be set when using a share group"):
            app.share_consumer(GROUP, auto_offset_reset="earliest")
        consumer = app.share_consumer(GROUP, share_acknowledgement_mode="explicit")
        with pytest.raises(ValueError, match="not subscribed"):
            yield from consumer.poll(0)
        consumer.subscribe([P.topic])
        records: list[ShareRecord] = []
        while not records:
            records = yield from consumer.poll(500)
        consumer.acknowledge(records[0])
        with pytest.raises(ValueError, match="All records must be acknowledged"):
            yield from consumer.poll(0)
        with pytest.raises(ValueError, match="cannot be acknowledged"):
            consumer.acknowledge(records[0]._replace(offset=4711))
        with pytest.raises(ValueError, match="cannot be acknowledged"):
            consumer.acknowledge(records[0]._replace(topic="elsewhere"))
        yield from consumer.close()
        with pytest.raises(ClientClosedError):
            yield from consumer.poll(0)
        implicit = app.share_consumer(GROUP, [P.topic])
        while not records:
            records = yield from implicit.poll(500)
        with pytest.raises(ValueError, match="Implicit acknowledgement"):
            implicit.acknowledge(records[0])
        implicit.wakeup()
        with pytest.raises(WakeupError):
            yield from implicit.poll(500)
        checked.append("all")

    sharing = Sharing({}, Source(10, 1))
    sharing.story.cluster.app("asking", ask, {}).start()
    sharing.fly(20)
    assert checked == ["all"]


def test_the_application_is_told_what_became_of_its_acknowledgements() -> None:
    told: list[tuple[Mapping[TopicPartition, Sequence[int]], ErrorCode | None]] = []
    committed: list[object] = []

    def work(app: App) -> Steps:
        consumer = app.share_consumer(GROUP, [P.topic], share_acknowledgement_mode="explicit")
        consumer.set_acknowledgement_commit_callback(lambda offsets, error: told.append((offsets, error)))
        committed.append((yield from consumer.commit_sync()))
        records: list[ShareRecord] = []
        while not records:
            records = yield from consumer.poll(500)
        assert consumer.acquisition_lock_timeout_ms == 30_000
        for record in records:
            consumer.acknowledge(record, AcknowledgeType.REJECT if record.offset == 3 else AcknowledgeType.ACCEPT)
        consumer.commit_async()
        yield app.busy(ms=100)
        assert told == []
        yield from consumer.poll(0)

    sharing = Sharing({}, Source(10, 1))
    sharing.story.cluster.app("worker", work, {}).start()
    sharing.fly(10)
    assert committed == [{}]
    assert told == [({P: list(range(100))}, None)]
    assert sharing.start_offset() == 100
    assert [fact.spans for fact in sharing.archived()] == [((3, 3),)]


def test_a_poll_hands_out_whole_batches_although_it_was_asked_for_less() -> None:
    sizes: list[int] = []

    def work(app: App) -> Steps:
        consumer = app.share_consumer(GROUP, [P.topic], max_poll_records=10)
        while True:
            slices = yield from consumer.poll_slices(500)
            sizes.extend([sum(end - first for _, _, first, end, _ in slices)] if slices else [])

    sharing = Sharing({}, Source(1, 1, linger_ms=25))
    sharing.story.cluster.app("worker", work, {}).start()
    sharing.fly(8)
    assert sum(sizes) == sharing.log_end() > 900
    assert all(size > 10 for size in sizes)
    leader = sharing.story.broker(sharing.story.first_leader)
    assert sizes == [batch.count for batch in leader.storage[P].batches()]
