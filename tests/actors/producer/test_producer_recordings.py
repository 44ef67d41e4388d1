"""Batches and sticky partitions against a recorded producer, as far as the machine's speed does not decide."""

import json
from collections import Counter
from collections.abc import Generator
from itertools import groupby
from pathlib import Path
from statistics import median_low
from typing import Any

import pytest
from simpy import Event

from sim.actors.client.app import App
from sim.machine.clock import SECOND
from sim.rules.facts.journal import RecordsAcknowledged
from sim.world.topics import Topic
from tests.actors.flights import Story

Steps = Generator[Event, Any, Any]
RECORDED = json.loads((Path(__file__).parents[2] / "data" / "producer_batches.json").read_text())


def fly(
    recorded: dict[str, Any], count: int, partitions: int, seed: int = 1
) -> tuple[list[tuple[int, int]], list[int]]:
    """Counts and sizes of the batches acknowledged, and the partition of each record in the order of sending."""
    batches: list[tuple[int, int]] = []
    chosen: list[int] = []

    def run(app: App) -> Steps:
        producer = app.producer(linger_ms=recorded["linger_ms"], batch_size=recorded["batch_size"])
        yield from (yield from producer.send("load", bytes(100))).get()
        began, together = app.now, max(1, recorded["rate"] // 15_000)
        for number in range(count):
            if number % together == 0:
                yield app.until(began + number * SECOND // recorded["rate"])
            delivery = yield from producer.send("load", bytes(100))
            chosen.append(delivery.batch.partition.partition)
        yield from producer.close()

    story = Story(seed, apps={"source": run}, more_topics=[Topic("load", partitions, 1)])
    story.machine.facts.listen(
        RecordsAcknowledged, lambda _, fact: batches.append((fact.columns.count, fact.columns.size_bytes))
    )
    story.fly(5)
    assert sum(size for size, _ in batches) == count + 1
    return batches, chosen


def case(recorded: dict[str, Any]) -> str:
    """A short name for a recorded case."""
    return "-".join(str(recorded[name]) for name in ("rate", "linger_ms", "batch_size"))


@pytest.mark.parametrize("recorded", RECORDED["batches"], ids=case)
def test_batches_are_as_large_as_the_recorded_ones(recorded: dict[str, Any]) -> None:
    """With several partitions chance decides how many batches are left behind half full."""
    batches, _ = fly(recorded, 3 * recorded["rate"], recorded["partitions"])
    mean = sum(count for count, _ in batches) / len(batches)
    assert mean == pytest.approx(recorded["mean_records"], rel=0.06 if recorded["partitions"] == 1 else 0.1)
    largest = max(size for _, size in batches)
    if recorded["largest_bytes"] > 0.9 * recorded["batch_size"]:
        assert largest == pytest.approx(recorded["largest_bytes"], abs=2), "full to the byte, but for timestamps"
    else:
        assert largest <= recorded["largest_bytes"], "the recorded sender was sometimes late"


@pytest.mark.parametrize("recorded", RECORDED["stays"], ids=case)
def test_a_partition_is_left_after_as_many_records_as_recorded(recorded: dict[str, Any]) -> None:
    """The number of switches also depends on what the sender's loop sees of the queues: 12 % are allowed for that."""
    _, chosen = fly(recorded, recorded["records"], 6)
    stays = [len(list(records)) for _, records in groupby(chosen)]
    low, high = recorded["median"]
    assert 0.98 * low <= median_low(stays) <= high
    low, high = recorded["switches"]
    assert 0.88 * low <= len(stays) - 1 <= 1.2 * high
    shares = sorted(Counter(chosen).values())
    assert 1.0 < shares[-1] / shares[0] < 1.5 * recorded["largest_share_over_smallest"][1]
