"""rebalance-protocols: the same join, restart and crashes cost four protocols four different prices."""

from functools import cache
from typing import Any

import pytest

from scenarios.basics.rebalance_protocols import PROTOCOLS, GroupNotes, Outcome, scenario, shown
from sim.rules.facts.journal import GroupChanged, MemberRemoved
from sim.rules.topics import TopicPartition
from sim.run import Run
from tests.scenarios.flights import facts
from tests.scenarios.golden_files import golden, kept

JOIN_S, RESTART_S, CRASH_S, LOSS_S = 12.0, 28.5, 44.0, 64.0
PARTITIONS, SHARE = 12, 3
SESSION_S, HEARTBEAT_S = 10.0, 3.0
EAGER, GENTLE = ("eager", "static"), ("cooperative", "kip-848")


@cache
def flown(seed: int) -> Run:
    return scenario.run(seed=seed)


@pytest.fixture(params=[0, 2])
def run(request: pytest.FixtureRequest) -> Run:
    """What is claimed holds wherever the heartbeats fall, so two seeds are asked."""
    return flown(request.param)


def figures(run: Run, occasion: str, name: str) -> dict[str, Any]:
    """One figure of one occasion for each group."""
    return {group: outcome[name] for group, outcome in run.results[occasion].items()}


def generations(run: Run, group: str, since_s: float, until_s: float) -> int:
    """How many generations, or group epochs, began in a span of time."""
    numbers = [(time, fact.generation) for time, fact in facts(run, GroupChanged) if fact.group_id == group]
    before = max(number for time, number in numbers if time < since_s)
    return max(number for time, number in numbers if time < until_s) - before


def test_summary_is_the_kept_one() -> None:
    assert golden(flown(0)) == kept(flown(0))


def test_every_group_gets_every_parcel(run: Run) -> None:
    assert run.verdict.ok
    assert run.verdict.delivered == dict.fromkeys(PROTOCOLS, run.verdict.acknowledged)
    assert run.verdict.acknowledged > 4500
    assert run.results["redelivered"] == run.verdict.redelivered


def test_a_join_stops_everything_for_a_blink_or_little_for_a_heartbeat(run: Run) -> None:
    """Eager wins here: all members of a classic group are told within a blink, and nothing waits for a heartbeat."""
    stopped = figures(run, "join", "stopped")
    assert stopped == {"eager": PARTITIONS, "static": PARTITIONS, "cooperative": SHARE, "kip-848": SHARE}
    ownerless = figures(run, "join", "ownerless_partition_s")
    assert all(0 < ownerless[group] < 0.2 for group in EAGER)
    assert all(1 < ownerless[group] < SHARE * (HEARTBEAT_S + 0.1) for group in GENTLE)
    assert figures(run, "join", "moved") == {"eager": 6, "static": 6, "cooperative": SHARE, "kip-848": SHARE}


def test_nothing_is_read_twice_after_a_join_or_a_clean_restart(run: Run) -> None:
    for occasion in ("join", "restart"):
        assert set(figures(run, occasion, "redelivered").values()) == {0}


def test_a_crash_costs_what_was_not_committed_whatever_the_protocol(run: Run) -> None:
    """A quarter of 60 parcels a second, for 5 s between commits at most; half as many again is allowed to chance."""
    for occasion in ("crash", "loss"):
        assert all(0 < count < 1.5 * 75 for count in figures(run, occasion, "redelivered").values())


def test_a_named_member_that_restarts_costs_no_rebalance_and_a_stranger_does(run: Run) -> None:
    began = {group: generations(run, group, RESTART_S, CRASH_S) for group in PROTOCOLS}
    assert began.pop("static") == 0
    assert min(began.values()) > 0
    static = run.results["restart"]["static"]
    assert (static["stopped"], static["moved"]) == (SHARE, 0)
    assert static["ownerless_partition_s"] == pytest.approx(2.0 * SHARE, abs=0.1)
    assert run.results["restart"]["eager"]["stopped"] == PARTITIONS


def test_a_named_member_that_crashes_and_returns_in_time_is_not_missed(run: Run) -> None:
    began = {group: generations(run, group, CRASH_S, LOSS_S) for group in PROTOCOLS}
    assert began.pop("static") == 0
    assert min(began.values()) > 0
    removed = [fact.group_id for time, fact in facts(run, MemberRemoved) if CRASH_S < time < LOSS_S]
    assert sorted(removed) == ["cooperative", "eager", "kip-848"]
    static = run.results["crash"]["static"]
    assert (static["stopped"], static["moved"]) == (SHARE, 0)
    assert static["ownerless_partition_s"] == pytest.approx(4.0 * SHARE, abs=0.1)


def test_strangers_wait_for_the_session_of_the_dead_and_eager_ones_make_all_wait(run: Run) -> None:
    """The stranger's join makes the eager group give up everything, until the dead member's session has run out."""
    least_s, most_s = SESSION_S - HEARTBEAT_S, SESSION_S + HEARTBEAT_S
    stable = figures(run, "crash", "stable_after_s")
    assert all(least_s < stable[group] < most_s + 0.1 for group in ("eager", *GENTLE))
    ownerless, stopped = figures(run, "crash", "ownerless_partition_s"), figures(run, "crash", "stopped")
    assert stopped["eager"] == PARTITIONS
    assert all(stopped[group] < PARTITIONS / 2 for group in GENTLE)
    assert ownerless["static"] < min(ownerless[group] for group in GENTLE)
    assert max(ownerless[group] for group in GENTLE) < 0.7 * ownerless["eager"]


def test_a_loss_for_good_costs_everybody_a_session_and_names_do_not_help(run: Run) -> None:
    least_s, most_s = SESSION_S - HEARTBEAT_S, SESSION_S + HEARTBEAT_S
    assert all(least_s < time_s < most_s + 0.1 for time_s in figures(run, "loss", "stable_after_s").values())
    ownerless = figures(run, "loss", "ownerless_partition_s")
    assert all(SHARE * least_s < figure < SHARE * most_s + 3 * HEARTBEAT_S for figure in ownerless.values())
    stopped, moved = figures(run, "loss", "stopped"), figures(run, "loss", "moved")
    assert {stopped[group] for group in EAGER} == {PARTITIONS}
    assert {moved[group] for group in EAGER} == {6}
    assert {stopped[group] for group in GENTLE} == {moved[group] for group in GENTLE} == {SHARE}


def test_the_table_has_a_line_for_each_group_at_each_occasion(run: Run) -> None:
    sentences = run.sentences()
    head = next(number for number, line in enumerate(sentences) if line.startswith("occasion"))
    rows = [line.split() for line in sentences[head + 2 :]]
    occasions = ("join", "restart", "crash", "loss")
    assert [tuple(row[:2]) for row in rows] == [(occasion, group) for occasion in occasions for group in PROTOCOLS]
    assert rows[0][2:] == [shown(figure) for figure in run.results["join"]["eager"].values()]
    assert len({len(line) for line in sentences[head:]}) == 1
    assert next(line for line in sentences if line.startswith("After the join")).count("(") == 2


def test_a_session_that_is_shorter_than_the_absence_makes_a_stranger_of_a_named_member() -> None:
    """The named member is away for 8 s: missed if the session is 6 s, not missed if it is 12 s."""
    short = {"restart_at": "999s", "crash_at": "9s", "crash_takes": "8s", "join_at": "999s", "arrivals": "constant:5"}
    missed = {}
    for session in ("6s", "12s"):
        run = scenario.run(set={**short, "session": session}, until="22s")
        removed = [fact for _, fact in facts(run, MemberRemoved) if fact.group_id == "static"]
        missed[session] = len(removed)
    assert missed == {"6s": 1, "12s": 0}


def test_a_flight_that_is_cut_or_calm_tells_only_what_has_happened() -> None:
    cut = scenario.run(until="14s")
    assert "join" in cut.results
    assert "restart" not in cut.results
    calm = scenario.run(set={"crash_at": "5s"}, faults=False, until="14s")
    assert "crash" not in calm.results
    assert scenario.run(until="1s").results["sentences"] == []


def test_same_seed_same_trace_and_other_seed_another() -> None:
    one, again, other = (scenario.run(seed=seed, until="14s").journal.sha256() for seed in (0, 0, 1))
    assert one == again
    assert one != other


def test_outcome_of_notes() -> None:
    one, two, three = (TopicPartition("parcels", number) for number in range(3))
    notes = GroupNotes()
    notes.note(5, [one, two, three], "a")
    notes.note(10_000_000_000, [one, two], None)
    notes.note(12_000_000_000, [one], "b")
    notes.again += [9_999_999_999, 10_000_000_000]
    assert notes.owners_before(10_000_000_000) == {one: "a", two: "a", three: "a"}
    assert notes.outcome(10_000_000_000, 30_000_000_000) == Outcome(2, 2.0, None, 2, 1)
    notes.note(13_000_000_000, [two], "a")
    assert notes.outcome(10_000_000_000, 30_000_000_000) == Outcome(2, 5.0, 3.0, 1, 1)
    assert notes.outcome(20_000_000_000, 30_000_000_000) == Outcome(0, 0, None, 0, 0)
    assert [shown(figure) for figure in (None, 3, 3.0)] == ["–", "3", "3.00"]
