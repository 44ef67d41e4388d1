"""An application that does not catch an error of its client dies alone; the cluster flies on."""

from collections.abc import Generator
from typing import Any

import pytest
from simpy import Event

from sim.actors.client.app import App
from sim.observe.journal import Journal
from sim.rules.facts.journal import AppFailed, AppStopped
from sim.world.flight import Flight
from sim.world.plan import AppSpec, Plan
from sim.world.topics import Topic


def careless(app: App) -> Generator[Event, Any, Any]:
    consumer = app.consumer("readers", ["orders"], auto_offset_reset="none")
    while True:
        yield from consumer.poll()


def broken(app: App) -> Generator[Event, Any, Any]:
    yield app.busy(ms=1)
    raise ZeroDivisionError("a bug of the application")


def flown(app: AppSpec) -> tuple[Flight, Journal]:
    flight = Flight(Plan(duration=10_000_000_000, topics=(Topic("orders", 2, 3),), apps=(app,)), seed=0)
    journal = Journal(flight.machine.facts)
    for _ in flight.fly(until=10_000_000_000):
        pass
    return flight, journal


def test_a_client_error_ends_the_process_and_is_told() -> None:
    flight, journal = flown(AppSpec("careless", careless))
    failed = [fact for _, fact in journal.facts if isinstance(fact, AppFailed)]
    stopped = [fact for _, fact in journal.facts if isinstance(fact, AppStopped)]
    assert [fact.app for fact in failed] == ["careless"]
    assert failed[0].error.startswith("NoOffsetForPartitionError: ")
    assert stopped == [AppStopped("careless", finished=False)]
    assert not flight.cluster.apps["careless"].life.alive
    assert flight.now == 10_000_000_000


def test_a_bug_of_the_application_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError, match="a bug of the application"):
        flown(AppSpec("broken", broken))
