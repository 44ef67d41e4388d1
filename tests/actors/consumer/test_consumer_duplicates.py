"""How often a record comes again when consumers crash: the auto-commit interval decides, on average half of it."""

from collections.abc import Generator
from typing import Any

import pytest
from simpy import Event

from sim.actors.client.app import App
from tests.actors.flights import P, Source, Story

Steps = Generator[Event, Any, Any]
RATE = 40
CRASHES = 15


class Crashing:
    """Reads in polls of 50 ms, and every life goes on where the last one had committed."""

    def __init__(self, commits_each_poll: bool, interval_ms: int) -> None:
        self.commits_each_poll, self.interval_ms = commits_each_poll, interval_ms
        self.got: list[int] = []

    def __call__(self, app: App) -> Steps:
        consumer = app.consumer(
            "readers",
            auto_offset_reset="earliest",
            enable_auto_commit=not self.commits_each_poll,
            auto_commit_interval_ms=self.interval_ms,
        )
        consumer.assign([P])
        while True:
            records = yield from consumer.poll(50)
            self.got.extend(int(record.value or b"") for record in records)
            if self.commits_each_poll:
                yield from consumer.commit()


def delivered_again(commits_each_poll: bool, interval_ms: int) -> float:
    """Records per crash that come a second time; lives of all lengths, so that crashes meet all phases."""
    reader = Crashing(commits_each_poll, interval_ms)
    until_s = 1.0 + 3 * CRASHES * interval_ms / 1000
    story = Story(apps={"source": Source(every_ms=1000 / RATE, until_s=until_s)})
    app = story.cluster.app("reader", reader, {})
    app.start()
    at_s = 1.0
    for crash in range(CRASHES):
        at_s += (1.5 + (crash + 0.5) / CRASHES) * interval_ms / 1000
        story.at(at_s, app.stop)
        story.at(at_s + 0.01, app.start)
    story.fly(at_s + 1)
    assert sorted(set(reader.got)) == list(range(max(reader.got) + 1)), "at least once: nothing is missing"
    return (len(reader.got) - len(set(reader.got))) / CRASHES


@pytest.mark.parametrize("interval_ms", [500, 1500])
def test_automatic_commits_repeat_rate_times_half_the_interval_for_each_crash(interval_ms: int) -> None:
    expected = RATE * interval_ms / 1000 / 2
    assert delivered_again(False, interval_ms) == pytest.approx(expected, rel=0.25)


def test_a_commit_after_each_poll_repeats_next_to_nothing() -> None:
    assert delivered_again(True, 500) < 0.5
