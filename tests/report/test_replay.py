"""What is replayed is what the run's facts say."""

import json
from functools import cache
from typing import Any

import pytest

from sim.report import replay as replays
from sim.report.replay import replay
from sim.rules.facts.journal import IsrChanged, LeaderElected, LogClosed
from tests.view.flown import flown


@cache
def film() -> dict[str, Any]:
    return dict(json.loads(json.dumps(replay(flown()))))


def state(kind: str, time_s: float) -> dict[str, Any]:
    return {subject: value for at, of, subject, value, _ in film()["changes"] if of == kind and at <= time_s}


def last(series: str) -> int:
    return int(film()["series"][series][-1])


@pytest.mark.parametrize("time_s", [5.0, 14.0, 19.0, 21.0, 39.0])
def test_leaders_and_isrs_are_those_of_the_facts(time_s: float) -> None:
    before = [fact for time, fact in flown().facts if time <= time_s * 1e9]
    leaders = {str(fact.partition): fact.leader for fact in before if isinstance(fact, LeaderElected)}
    isrs = {str(fact.partition): list(fact.isr) for fact in before if isinstance(fact, IsrChanged)}
    shown = set(film()["partitions"])
    assert shown == {"orders-0", "orders-1", "orders-2", "orders-3"}
    assert state("leader", time_s).items() >= {name: found for name, found in leaders.items() if name in shown}.items()
    assert state("isr", time_s).items() >= {name: found for name, found in isrs.items() if name in shown}.items()
    assert state("leader", time_s).keys() == shown


def test_processes_and_owners_follow_the_faults() -> None:
    assert state("up", 15.0)["2"] is False
    assert state("up", 30.0)["2"] is True
    assert state("app", 30.0)["detector-2"] == "stopped"
    before, during = state("owns", 23.0), state("owns", 24.5)
    assert len(before["detector-1"]) == len(before["detector-2"]) == 2
    assert during["detector-2"] == []
    assert len(state("owns", 35.0)["detector-1"]) == 4


def test_logs_end_where_the_journal_says_and_every_record_moved() -> None:
    closed = {str(fact.partition): fact for _, fact in flown().facts if isinstance(fact, LogClosed)}
    for name in film()["partitions"]:
        assert {last(f"end/{name}/{broker}") for broker in (1, 2, 3)} == {closed[name].log_end_offset}
        assert last(f"watermark/{name}") == closed[name].high_watermark
        assert last(f"committed/fraud/{name}") == closed[name].log_end_offset
    sent = sum(sum(points[1::2]) for sender, _, points in film()["flows"] if sender == "gateway")
    copied = sum(sum(points[1::2]) for sender, receiver, points in film()["flows"] if {sender, receiver} <= {*"123"})
    assert sent == flown().verdict.acknowledged
    assert copied == 2 * sent


def test_a_long_run_is_thinned_but_ends_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = film()
    monkeypatch.setattr(replays, "MOST_NUMBERS", 400)
    thin = replay(flown())
    assert len(thin["times"]) < len(whole["times"]) / 2
    assert sum(map(len, thin["series"].values())) < sum(map(len, whole["series"].values())) / 2
    assert [points[-1] for points in thin["series"].values()] == [points[-1] for points in whole["series"].values()]
    assert [sum(flow[2][1::2]) for flow in thin["flows"]] == [sum(flow[2][1::2]) for flow in whole["flows"]]


def test_too_many_changes_are_cut_and_the_page_can_say_where(monkeypatch: pytest.MonkeyPatch) -> None:
    assert film()["cut"] is None
    monkeypatch.setattr(replays, "MOST_CHANGES", 10)
    cut = replay(flown())
    assert cut["changes"] == film()["changes"][:10]
    assert cut["cut"] == film()["changes"][10][0]


def test_a_large_stage_is_one_box(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replays, "MOST_OF_A_STAGE", 1)
    boxes = {box["name"]: box["apps"] for box in replay(flown())["boxes"]}
    assert boxes == {"gateway": ["gateway"], "detectors (2)": ["detector-1", "detector-2"], "loader": ["loader"]}
