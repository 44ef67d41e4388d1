"""Every case of every incident: the right answer has all points, as the runs show; a wrong one has none."""

from collections.abc import Callable
from random import Random

import pytest

from sim.teach.incidents import INCIDENTS, Room, open_room
from sim.teach.incidents.causes import CAUSES
from sim.teach.incidents.incident import Case, Incident

CASES = [(known, case) for known in INCIDENTS.values() for case in known.cases]
NAMES = [f"{known.incident_id}: {case.__name__}" for known, case in CASES]
USELESS = {"max.message.bytes": 1_500_000}


LONG = ("records-missing", "brokers-busy", "lag-grows")
"""Incidents whose flights take longest; the slow tests have them."""


@pytest.mark.parametrize(
    "incident_id", [pytest.param(name, marks=pytest.mark.slow if name in LONG else ()) for name in INCIDENTS]
)
def test_the_right_cause_and_a_good_fix_have_all_points_and_others_none(incident_id: str) -> None:
    room = open_room(incident_id)
    solved_by_its_own_answer(room)
    truth = room.incident.draw(0)[0]
    other = room.again()
    other.diagnose(next(cause for cause in CAUSES if cause not in (truth.cause, *truth.nearly)))
    other.fix(USELESS)
    score = other._score()
    assert score.cause == 0
    assert score.fix + score.time <= 6


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(("known", "case"), CASES, ids=NAMES)
def test_every_case_is_solved_by_its_own_answer(known: Incident, case: Callable[[Random], Case], seed: int) -> None:
    room = Room(Incident(known.incident_id, known.title, (case,)), seed)
    assert solved_by_its_own_answer(room)


def solved_by_its_own_answer(room: Room) -> bool:
    """Say what is so, do what helps, and see that it does."""
    truth = room.incident.draw(room.seed)[0]
    room.diagnose(truth.cause, truth.subjects[0])
    room.fix(truth.fix)
    debrief = room.debrief()
    assert debrief.mine is not None
    assert debrief.chain is not None, "explain is of another opinion than the catalogue"
    assert debrief.best.with_fix <= 0.2 * debrief.best.without
    assert (debrief.score.total, debrief.mine.lost) == (100, 0)
    return True


@pytest.mark.parametrize("known", INCIDENTS.values(), ids=list(INCIDENTS))
def test_seeds_draw_other_causes_subjects_and_times_behind_the_same_title(known: Incident) -> None:
    drawn = [known.draw(seed)[0] for seed in range(24)]
    assert len({case.cause for case in drawn}) == len({case(Random(0)).cause for case in known.cases}) > 1
    assert len({(case.cause, case.subjects, case.page_s) for case in drawn}) > 8
    assert known.draw(5)[0].page == known.draw(5)[0].page


@pytest.mark.parametrize(("known", "case"), CASES, ids=NAMES)
def test_a_case_is_of_the_catalogue_and_its_page_names_no_cause(
    known: Incident, case: Callable[[Random], Case]
) -> None:
    truth = case(Random(1))
    told = f"{known.title} {truth.page}".lower()
    assert truth.cause in CAUSES
    assert set(truth.nearly) <= CAUSES.keys() - {truth.cause}
    assert not [name for name in CAUSES if name.replace("-", " ") in told or name in told]
    assert truth.page_s + 20 < truth.end_s
    assert 2 <= len(truth.hints) <= 4
