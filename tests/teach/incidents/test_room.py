"""The room: blind until the debrief, a clock that goes on, and one line for what cannot be."""

from functools import cache

import pytest

from sim.rules.errors import ConfigError
from sim.teach.incidents import Room, open_room
from sim.teach.incidents.causes import CAUSES
from sim.teach.incidents.gauges import GAUGES


@cache
def flown() -> Room:
    return open_room("part-unwritable", seed=3)


def room() -> Room:
    return flown().again()


def test_nothing_that_is_shown_before_the_debrief_names_the_cause_or_a_fault() -> None:
    opened = room()
    opened.wait("30s")
    shown = [opened.page, opened.incident.title, str(opened.names()), *opened.metrics()]
    for name in GAUGES:
        lines = opened.series(name)
        shown += [GAUGES[name].told, *lines]
        assert all(time_s <= opened.now_s for points in lines.values() for time_s, _ in points)
    text = " ".join(shown).lower()
    faults = [str(fault).lower() for fault in opened._unfixed.flight.plan.faults]
    assert faults
    assert not [word for word in (*CAUSES, *faults, "crash", "hang", "is cut", "admin") if word in text]


def test_graphs_are_figures_of_what_has_been_and_looking_takes_time() -> None:
    opened = room()
    begun = opened.now_s
    one, six = opened.graph("MessagesInPerSec"), opened.dashboard()
    assert (len(one.axes), len(six.axes)) == (1, 6)
    assert opened.now_s == begun + 4
    assert opened.asked == ["MessagesInPerSec", "dashboard"]
    assert one.axes[0].get_xlim()[1] == begun + 2


def test_a_fix_changes_what_comes_and_not_what_was() -> None:
    opened = room()
    before = opened.series("MessagesInPerSec")
    opened.fix(opened._case.fix)
    at_s = opened.now_s
    opened.wait("20s")
    after = opened.series("MessagesInPerSec")
    assert {label: [point for point in points if point[0] <= at_s] for label, points in after.items()} == before
    assert max(value for time_s, value in after["all" if "all" in after else next(iter(after))] if time_s > at_s) > 0
    assert not opened.over


def test_half_the_points_for_the_right_cause_of_somebody_else() -> None:
    truth, points = room()._case, []
    for subject in (truth.subjects[0], next(n for n in room().names()["brokers"] if n not in truth.subjects), ""):
        opened = room()
        opened.diagnose(truth.cause.replace("-", " "), subject.replace("-", " "))
        points.append(opened._score().cause)
    assert points == [40, 20, 20]


def test_hints_lead_on_and_cost_points() -> None:
    opened = room()
    opened.diagnose(opened._case.cause, opened._case.subjects[0])
    count = len(opened._case.hints)
    assert [opened.hint() for _ in range(count)] == list(opened._case.hints)
    assert opened._score().total == 40 - 5 * count
    with pytest.raises(ConfigError, match="no more hints"):
        opened.hint()


def test_two_students_have_two_variants_and_each_the_same_again() -> None:
    ann, bob = open_room("part-unwritable", student="ann"), open_room("part-unwritable", student="bob")
    assert ann.page != bob.page
    assert ann.incident.draw(ann.seed)[0].page == ann.page


@pytest.mark.parametrize(
    ("fix", "line"),
    [
        ({"max.pol.records": 5}, "unknown setting 'max.pol.records', did you mean 'max.poll.records'"),
        ({"num.io.threads": 8}, "num.io.threads is the brokers'"),
        ({"restart": "broker-9"}, "there is no application or broker broker-9, did you mean 'broker-"),
        ({"members.fruad": 4}, "there is no group fruad; there are "),
        ({"skip": "x:y"}, "there is no group x"),
        ({"acks": 7}, "invalid value 7 for acks"),
        ({}, "a fix changes something"),
    ],
    ids=lambda value: next(iter(value), "nothing") if isinstance(value, dict) else "",
)
def test_a_fix_that_cannot_be_is_refused_in_one_line(fix: dict[str, object], line: str) -> None:
    opened = room()
    with pytest.raises(ConfigError) as refused:
        opened.fix(fix)
    assert str(refused.value).startswith(line)
    assert "\n" not in str(refused.value)
    assert opened._score().fix == 0


def test_more_partitions_than_there_are() -> None:
    opened = room()
    topic = opened.names()["topics"][0]
    with pytest.raises(ConfigError, match="there are 6 already"):
        opened.fix({f"partitions.{topic}": 4})
    with pytest.raises(ConfigError, match="whole number from 1 to 100"):
        opened.fix({f"partitions.{topic}": "many"})


def test_when_it_is_over_nothing_can_be_asked() -> None:
    opened = room()
    text = str(opened.debrief())
    assert opened._case.cause in text
    assert "Score: 0 of 100" in text
    with pytest.raises(ConfigError, match="is over"):
        opened.series("records-lag")
