"""Compression: batches take more records, weigh less on the wire and on disk, and cost the application time."""

from collections.abc import Generator
from typing import Any

import pytest
from simpy import Event

from sim.actors.client.app import App
from sim.actors.producer.batch_compression import compressor_for
from sim.actors.producer.producer_batch import ProducerBatch
from sim.rules.errors import ErrorCode
from sim.rules.facts.journal import BatchFailed, BatchRetried
from tests.actors.flights import P, Story, seconds

Steps = Generator[Event, Any, Any]


class Load:
    """20,000 records of 1000 bytes as fast as the producer takes them: the story afterwards, and how long it took."""

    def __init__(
        self, topic_config: dict[str, object] | None = None, count: int = 20_000, warm: bool = True, **config: Any
    ) -> None:
        self.took_s = 0.0

        def run(app: App) -> Steps:
            producer = app.producer(buffer_memory="64MB", **config)
            if warm:
                yield from (yield from producer.send(P.topic, b"warm")).get()
            began = app.now
            yield from producer.send_many(P.topic, 1000, [app.now] * count)
            self.took_s = seconds(app.now - began)
            yield from producer.close()

        self.story = Story(apps={"source": run}, topic_config=topic_config)
        self.story.fly(6)
        batches = list(self.story.broker(self.story.first_leader).storage[P].batches())[warm:]
        self.counts = [batch.count for batch in batches]
        self.sizes_bytes = [batch.size_bytes for batch in batches]


def test_without_compression_nothing_changes() -> None:
    load = Load()
    assert (sum(load.counts), max(load.counts), load.took_s) == (20_000, 16, 0.0)
    assert max(load.sizes_bytes) <= 16_384


def test_batches_grow_as_the_producer_learns_the_ratio_and_the_log_shrinks() -> None:
    """The estimate falls by half a percent of the uncompressed size a batch, and is taken 5 % too high."""
    load = Load(compression_type="lz4", compression_ratio=0.5)
    assert sum(load.counts) == 20_000
    assert load.counts[0] in (15, 16)
    assert load.counts[-2] == pytest.approx((16_384 - 61 - 1007) / (0.5 * 1.05 * 1007), abs=1)
    assert load.counts[:-1] == sorted(load.counts[:-1])
    assert sum(load.sizes_bytes) == pytest.approx(0.5 * sum(Load().sizes_bytes), rel=0.01)


def test_the_application_pays_and_the_broker_does_not() -> None:
    gzip, lz4, none = (Load(compression_type=name, compression_ratio=0.4) for name in ("gzip", "lz4", "none"))
    assert none.took_s == 0.0
    assert lz4.took_s == pytest.approx(20_000 * 1007 * 2.5e-9, rel=0.05)
    assert gzip.took_s == pytest.approx(20_000 * 1007 * 20e-9, rel=0.05)
    busy = [load.story.broker(load.story.first_leader).cpu.busy for load in (none, gzip)]
    assert busy[1] < busy[0]


def test_records_that_grow_make_a_batch_too_large_once() -> None:
    """Expected is a ratio of 1: the first batches of 16 kB take 19 and are split, later ones are filled with care."""
    settings: dict[str, Any] = {"compression_type": "zstd", "compression_ratio": 1.2, "enable_idempotence": False}
    surprised = Load({"max.message.bytes": 16_384}, 3000, warm=False, **settings)
    assert sum(surprised.counts) == 3000
    assert max(surprised.sizes_bytes) <= 16_384
    assert 1 <= len(surprised.story.when(BatchRetried, error=ErrorCode.MESSAGE_TOO_LARGE)) <= 10
    assert surprised.story.these(BatchFailed) == []
    warned = Load({"max.message.bytes": 16_384}, 3000, **settings)
    assert sum(warned.counts) == 3000
    assert warned.story.these(BatchRetried) == [], "one batch is enough to learn that records grow"


@pytest.mark.parametrize("ratio", [0.1, 0.37, 0.9, 1.3])
def test_columns_and_records_fill_a_batch_alike(ratio: float) -> None:
    compressor = compressor_for("snappy", ratio)
    assert compressor is not None
    for _ in range(30):
        compressor.leaves("t")
    single, many = (ProducerBatch(P, 16_384, 0, 0, compressor.begin("t")) for _ in range(2))
    while single.try_append(0, None, bytes(200), (), 0):
        pass
    taken = many.fill(200, [0] * 10_000, 0)
    assert taken == pytest.approx(single.count, abs=2)
    assert many.close("x").size_bytes == pytest.approx(single.close("x").size_bytes, rel=0.04)


def test_a_ratio_is_above_zero() -> None:
    with pytest.raises(ValueError, match="above 0, not 0"):
        compressor_for("gzip", 0)
    assert compressor_for("none", 0.5) is None
