"""What a replay is made of, read once per simulated second."""

import itertools
from collections.abc import Generator
from typing import Any

import pytest
from simpy import Event

from sim.actors.client.app import App
from sim.observe import frames as module
from sim.run import Run
from sim.scenario import Scenario
from sim.world.plan import AppSpec, GroupSpec, Plan
from sim.world.topics import Topic

SECOND = 1_000_000_000


def send(app: App) -> Generator[Event, Any, None]:
    producer = app.producer(**{"client.id": "till"})
    for number in range(100):
        yield app.until(number * SECOND // 20)
        yield from producer.send("sales", partition=number % 3)
    yield from producer.close()


def read(app: App) -> Generator[Event, Any, None]:
    consumer = app.consumer("books", ["sales"], auto_offset_reset="earliest")
    while True:
        yield from consumer.poll()
        yield from consumer.commit()


def flown() -> Run:
    plan = Plan(
        duration=5 * SECOND,
        topics=(Topic("sales", 3, 2),),
        apps=(AppSpec("shop", send, finite=True), AppSpec("reader", read)),
        groups=(GroupSpec("books", ("sales",)),),
    )
    return Scenario("frames", "", "", lambda _: plan).run(recorded=True)


def test_there_is_a_frame_for_each_second_and_a_point_for_each_change() -> None:
    run = flown()
    assert run.recorded().frames.times == [float(second) for second in range(1, round(run.simulated_s) + 1)]
    for points in run.recorded().frames.series.values():
        assert all(earlier[0] < later[0] and earlier[1] != later[1] for earlier, later in itertools.pairwise(points))
    assert run.recorded().frames.series["committed/books/sales-0"][-1][1] == 34


def test_flows_are_named_after_applications_whatever_their_clients_are_called() -> None:
    run = flown()
    flows = {link: sum(count for _, count in points) for link, points in run.recorded().frames.flows.items()}
    assert sum(count for (sender, _), count in flows.items() if sender == "shop") == 100
    assert sum(count for (_, receiver), count in flows.items() if receiver == "reader") == 100
    assert {name for link in flows for name in link} == {"shop", "reader", "1", "2", "3"}


def test_only_so_many_partitions_are_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_PARTITIONS", 2)
    run = flown()
    assert [str(name) for name in run.recorded().frames.partitions()] == ["sales-0", "sales-1"]
    assert not any("sales-2" in series for series in run.recorded().frames.series)
