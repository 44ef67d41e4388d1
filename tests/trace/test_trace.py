"""A run for other tools: tracks, pieces and arrows of the trace, and the metrics as Prometheus reads them."""

from collections import defaultdict
from itertools import pairwise
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

import scenarios
from sim.rules.facts.journal import LeaderElected
from sim.run import Run
from sim.trace.openmetrics import KAFKA_NAMES, openmetrics
from sim.trace.perfetto import perfetto

Event = dict[str, Any]


@pytest.fixture(scope="module")
def run() -> Run:
    return scenarios.find("broker-failure").run(seed=0, recorded=True)


@pytest.fixture(scope="module")
def events(run: Run) -> list[Event]:
    return list(perfetto(run)["traceEvents"])


def processes(events: list[Event]) -> dict[int, str]:
    return {event["pid"]: event["args"]["name"] for event in events if event["name"] == "process_name"}


def tracks(events: list[Event]) -> dict[int, str]:
    return {event["tid"]: event["args"]["name"] for event in events if event["name"] == "thread_name"}


def test_brokers_and_applications_are_processes(events: list[Event]) -> None:
    assert {"broker-1", "broker-2", "broker-3", "shop", "packing", "cluster"} <= set(processes(events).values())


def test_pieces_of_one_lane_do_not_overlap(events: list[Event]) -> None:
    lanes: dict[tuple[int, int], list[tuple[float, float]]] = defaultdict(list)
    for event in events:
        if event["ph"] == "X":
            lanes[event["pid"], event["tid"]].append((event["ts"], event["ts"] + event["dur"]))
    for pieces in lanes.values():
        pieces.sort()
        for (_, end), (begin, _) in pairwise(pieces):
            assert end <= begin + 1e-3


def test_every_request_is_a_piece_of_its_client(run: Run, events: list[Event]) -> None:
    named, homes = tracks(events), processes(events)
    sent = [e for e in events if e["ph"] == "X" and named[e["tid"]].startswith("to ") and homes[e["pid"]] == "shop"]
    assert len(sent) == sum(request.client == "shop" for request in run.recorded().requests) > 1000
    assert {event["name"] for event in sent} >= {"Produce", "Metadata"}


def test_every_delivered_batch_has_an_arrow_from_its_producer(run: Run, events: list[Event]) -> None:
    starts = [event for event in events if event["ph"] == "s"]
    ends = {event["id"]: event for event in events if event["ph"] == "f"}
    assert len(starts) == len(ends) == len(run.recorded().deliveries)
    assert all(ends[event["id"]]["ts"] > event["ts"] for event in starts)


def test_leaderships_follow_the_elections(run: Run, events: list[Event]) -> None:
    ((time, elected),) = [
        (t, f) for t, f in run.facts if isinstance(f, LeaderElected) and str(f.partition) == "orders-0"
    ]
    named, homes = tracks(events), processes(events)
    led = [event for event in events if event["ph"] == "X" and named[event["tid"]] == "leads orders-0"]
    assert [homes[event["pid"]] for event in led] == ["broker-1", f"broker-{elected.leader}"]
    assert led[1]["ts"] == time / 1e3 == pytest.approx(led[0]["ts"] + led[0]["dur"])


def test_the_fault_is_a_piece_and_lag_a_counter(run: Run, events: list[Event]) -> None:
    named = tracks(events)
    (fault,) = [event for event in events if event["ph"] == "X" and named[event["tid"]] == "faults"]
    assert (fault["ts"], fault["dur"]) == (20e6, 30e6)
    highest = max(value for event in events if event["ph"] == "C" for value in event["args"].values())
    assert highest == max(sample.value for sample in run.metrics["records-lag"])


def test_a_window_holds_only_what_began_in_it(run: Run) -> None:
    window = perfetto(run, 20_000_000_000, 21_000_000_000)["traceEvents"]
    times = [event["ts"] for event in window if event["ph"] in "Xi" and event["name"] != "crash"]
    assert 0 < len(times) < 4_000
    assert all(19.9e6 < time < 21.2e6 for time in times)


def test_prometheus_reads_the_metrics(run: Run) -> None:
    families = {family.name: family for family in text_string_to_metric_families(openmetrics(run))}
    assert {KAFKA_NAMES.get(name, "") for name in run.metrics.names()} - {""} <= families.keys()
    lag = families["kafka_consumer_consumer_fetch_manager_metrics_records_lag"].samples
    assert len(lag) == len(run.metrics["records-lag"])
    times, values = run.metrics.series("records-lag", partition="orders-0")
    read = [(s.timestamp, s.value) for s in lag if s.labels["partition"] == "orders-0"]
    assert [value for _, value in read] == values
    assert [float(time) for time, _ in read if time is not None] == times
