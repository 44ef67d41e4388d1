"""rebalance: a join stops everybody for a moment, a crash stops two partitions for a session."""

import pytest

from scenarios.basics.rebalance import Notes, scenario
from sim.rules.facts.journal import AppStopped, GroupChanged, MemberRemoved, PartitionsAssigned
from sim.rules.topics import TopicPartition
from sim.run import Run
from tests.scenarios.flights import facts, has_trace_of_its_seed
from tests.scenarios.golden_files import golden, kept

JOIN_S, CRASH_S = 17.0, 32.0
PARTITIONS = [f"parcels-{number}" for number in range(6)]
SHORT = {"arrivals": "poisson:20", "join_at": "8s", "crash_at": "13s", "duration": "40s"}


@pytest.fixture(scope="module")
def run() -> Run:
    return scenario.run(seed=0)


def assignments(run: Run, since_s: float, until_s: float) -> list[tuple[str, list[str]]]:
    """Who was given what in a span of time; empty lists are partitions given up."""
    return [
        (fact.client_id.split("-consumer")[0], [str(partition) for partition in fact.partitions])
        for time, fact in facts(run, PartitionsAssigned)
        if since_s <= time < until_s
    ]


def test_summary_is_the_kept_one(run: Run) -> None:
    assert golden(run) == kept(run)


def test_every_parcel_is_sorted(run: Run) -> None:
    assert run.verdict.ok
    read = sum(run.results["sorted"].values())
    assert read - run.results["sorted_twice"] == run.verdict.acknowledged > 4000
    assert run.results["sorted_twice"] == run.verdict.redelivered["sorters"] > 0


def test_the_first_members_wait_three_seconds_twice(run: Run) -> None:
    waits = run.results["start"]["without_owner_s"]
    assert list(waits) == PARTITIONS
    assert all(6.0 < seconds < 6.2 for seconds in waits.values())
    given = dict(assignments(run, 0, JOIN_S))
    assert given == {"sorter-1": PARTITIONS[:3], "sorter-2": PARTITIONS[3:]}


def test_a_join_takes_everything_from_everybody(run: Run) -> None:
    changes = assignments(run, JOIN_S, CRASH_S)
    assert sorted(member for member, partitions in changes if not partitions) == ["sorter-1", "sorter-2"]
    given = {member: partitions for member, partitions in changes if partitions}
    assert given == {"sorter-1": PARTITIONS[:2], "sorter-2": PARTITIONS[2:4], "sorter-3": PARTITIONS[4:]}
    join = run.results["join"]
    assert list(join["without_owner_s"]) == PARTITIONS
    assert max(join["without_owner_s"].values()) < 0.5
    assert join["all_owned_again_after_s"] < 3.5, "members learn of it by their next heartbeat"


def test_a_crash_leaves_its_partitions_alone_for_a_session(run: Run) -> None:
    assert [(time, fact.finished) for time, fact in facts(run, AppStopped) if fact.app == "sorter-2"] == [
        (CRASH_S, False)
    ]
    crash = run.results["crash"]
    orphans = {name: seconds for name, seconds in crash["without_owner_s"].items() if seconds > 1}
    assert list(orphans) == PARTITIONS[2:4]
    assert all(40 <= seconds <= 48 for seconds in orphans.values())
    assert 40 <= crash["all_owned_again_after_s"] <= 48
    assert crash["never_owned_again"] == []


def test_survivors_keep_reading_until_the_session_is_over(run: Run) -> None:
    ((removed_at, removed),) = facts(run, MemberRemoved)
    assert removed.member_id.startswith("sorter-2")
    assert removed.reason == "session timed out"
    assert 42 <= removed_at - CRASH_S <= 45
    assert assignments(run, CRASH_S, removed_at) == []
    crash = run.results["crash"]["without_owner_s"]
    assert max(crash[name] for name in (*PARTITIONS[:2], *PARTITIONS[4:])) < 0.5


def test_three_generations(run: Run) -> None:
    stable = [(fact.generation, fact.member_count) for _, fact in facts(run, GroupChanged) if fact.state == "Stable"]
    assert stable == [(1, 2), (2, 3), (3, 2)]


def test_a_shorter_session_shortens_the_crash_only() -> None:
    short = scenario.run(set={**SHORT, "session.timeout.ms": 10_000})
    assert short.verdict.ok
    assert 7 <= short.results["crash"]["all_owned_again_after_s"] <= 13.5


def test_calm_flight_and_cut_flight_have_no_orphans() -> None:
    calm = scenario.run(set=SHORT, faults=False)
    assert calm.verdict.ok
    assert "crash" not in calm.results
    cut = scenario.run(set=SHORT, until="11s")
    assert "crash" not in cut.results
    assert cut.results["join"]["never_owned_again"] == []


def test_same_seed_same_trace_and_other_seed_another() -> None:
    assert has_trace_of_its_seed(scenario)


def test_notes_of_a_death() -> None:
    one, two = TopicPartition("parcels", 0), TopicPartition("parcels", 1)
    notes = Notes()
    notes.note(5, [one], "dead")
    notes.note(6, [two], "alive")
    notes.bury(10, "dead")
    assert notes.gaps() == [(0, 5, one), (10, None, one), (0, 6, two)]
