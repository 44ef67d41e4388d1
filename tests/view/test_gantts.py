"""Gantts of ISR and ownership: their bars are what the facts say."""

from collections.abc import Generator
from functools import cache
from itertools import pairwise
from typing import Any

from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from simpy import Event

from sim.actors.client.app import App
from sim.rules.facts.journal import (
    AppStopped,
    BrokerStopped,
    BrokerUnfenced,
    IsrChanged,
    LeaderElected,
    PartitionsAssigned,
    TopicCreated,
)
from sim.rules.protocol.topic import NewTopic
from sim.rules.topics import TopicPartition
from sim.scenario import Scenario
from sim.view import isr, ownership
from sim.view.gantt import Filling
from sim.view.replicas import brokers_away, brokers_down, reigns
from sim.view.tenures import Tenure, owned_twice, ownerless, tenures
from sim.world.plan import AppSpec, Plan
from tests.view.flown import flown
from tests.view.made import SECOND

ORDERS = [TopicPartition("orders", number) for number in range(4)]


@cache
def isr_figure() -> Figure:
    return isr.draw(flown())


@cache
def ownership_figure() -> Figure:
    return ownership.draw(flown())


def rows(figure: Figure) -> list[str]:
    return [label.get_text() for label in figure.axes[0].get_yticklabels()]


def bars(axes: Axes, row: int, filling: Filling | None = None) -> list[tuple[float, float]]:
    """From when to when the bars in a row last."""
    found = [patch for patch in axes.patches if isinstance(patch, Rectangle) and row <= patch.get_y() < row + 1]
    if filling is not None:
        found = [
            p
            for p in found
            if to_rgb(p.get_facecolor()) == to_rgb(filling.face) and (p.get_hatch() or "") == filling.hatch
        ]
    return [(round(p.get_x(), 6), round(p.get_x() + p.get_width(), 6)) for p in found if p.get_height() < 1]


def elected() -> dict[TopicPartition, tuple[float, int]]:
    """When broker 2 was followed by whom, of the partitions that it led."""
    return {
        f.partition: (t / 1e9, f.leader)
        for t, f in flown().facts
        if isinstance(f, LeaderElected) and f.partition in ORDERS
    }


def test_each_replica_has_a_row() -> None:
    assert rows(isr_figure()) == [f"{name} broker {broker}" for name in ORDERS for broker in (1, 2, 3)]


def test_bars_of_leaders_change_when_another_is_elected() -> None:
    assert elected()
    for name, (time_s, leader) in elected().items():
        old, new = (rows(isr_figure()).index(f"{name} broker {broker}") for broker in (2, leader))
        assert bars(isr_figure().axes[0], old, isr.LEADER) == [(0.0, round(time_s, 6))]
        assert bars(isr_figure().axes[0], new, isr.LEADER) == [(round(time_s, 6), flown().simulated_s)]


def test_a_replica_is_out_of_sync_from_the_shrinking_of_the_isr_to_its_growing() -> None:
    for name in ORDERS:
        changes = [(t / 1e9, 2 in f.isr) for t, f in flown().facts if isinstance(f, IsrChanged) and f.partition == name]
        without = next(time_s for time_s, member in changes if not member)
        again = next(time_s for time_s, member in changes if member and time_s > without)
        row = rows(isr_figure()).index(f"{name} broker 2")
        assert bars(isr_figure().axes[0], row, isr.OUT_OF_SYNC) == [(round(without, 6), round(again, 6))]


def test_a_broker_is_down_from_its_crash_to_its_start() -> None:
    assert brokers_down(flown()) == {1: [], 2: [(12.0, 18.0)], 3: []}
    back = next(time / 1e9 for time, fact in flown().facts if isinstance(fact, BrokerUnfenced))
    assert brokers_away(flown())[2] == [(12.0, back)]
    assert bars(isr_figure().axes[0], rows(isr_figure()).index("orders-0 broker 2"), isr.DOWN) == [(12.0, 18.0)]


def test_the_title_of_the_isr_tells_the_longest_time_without_a_working_leader() -> None:
    longest = max(time_s for time_s, _ in elected().values()) - 12.0
    assert isr_figure().texts[0].get_text().endswith(f"had no working leader for {longest:.1f} s from 12.0 s")


def test_the_states_of_a_partition_follow_each_other_without_gap() -> None:
    for name in ORDERS:
        history = reigns(flown(), name)
        assert (history[0].begin_s, history[-1].end_s) == (0.0, flown().simulated_s)
        assert [one.end_s for one in history[:-1]] == [two.begin_s for two in history[1:]]
        assert set(history[0].isr) == {1, 2, 3}


def test_fillings_differ_without_colour() -> None:
    def grey(filling: Filling) -> float:
        red, green, blue = to_rgb(filling.face)
        return 0.299 * red + 0.587 * green + 0.114 * blue

    tones = sorted((grey(filling), filling.hatch) for filling, _ in isr.KEYS)
    assert all(two[0] - one[0] > 0.15 or one[1] != two[1] for one, two in pairwise(tones))


def test_ownership_ends_with_the_process_and_is_taken_over_with_the_assignment() -> None:
    lost = [
        tenure for tenure in tenures(flown()) if tenure.client_id == "detector-2-consumer-1" and tenure.end_s == 24.0
    ]
    assert lost
    for tenure in lost:
        row = rows(ownership_figure()).index(f"fraud: {tenure.partition}")
        taken = next(
            time / 1e9
            for time, fact in flown().facts
            if isinstance(fact, PartitionsAssigned)
            and time > 24e9
            and fact.group_id == "fraud"
            and tenure.partition in fact.partitions
        )
        spans = bars(ownership_figure().axes[0], row)
        assert (round(tenure.begin_s, 6), 24.0) in spans
        assert round(taken, 6) in [begin for begin, _ in spans]


def test_the_title_of_ownership_tells_the_longest_time_without_owner() -> None:
    of = {name: [t for t in tenures(flown()) if t.group_id == "fraud" and t.partition == name] for name in ORDERS}
    longest = max(end - begin for found in of.values() for begin, end in ownerless(found, flown().simulated_s))
    assert f" for {longest:.1f} s from 24.0 s" in " ".join(text.get_text() for text in ownership_figure().texts)
    assert ownership_figure().texts[0].get_text().startswith("fraud: nobody owned orders-")


def test_every_tenure_is_a_bar() -> None:
    drawn = [bar for row in range(len(rows(ownership_figure()))) for bar in bars(ownership_figure().axes[0], row)]
    assert sorted(drawn) == sorted((round(t.begin_s, 6), round(t.end_s, 6)) for t in tenures(flown()))


def test_two_who_own_at_once_are_told_and_share_the_row() -> None:
    one, two = (Tenure("g", ORDERS[0], client, *span) for client, span in (("a", (0.0, 30.0)), ("b", (20.0, 40.0))))
    assert owned_twice([one, two]) == [(20.0, 30.0)]
    assert ownerless([one, two], 50.0) == [(40.0, 50.0)]
    assert owned_twice([one]) == []


def test_the_run_has_what_these_tests_are_about() -> None:
    kinds = {type(fact) for _, fact in flown().facts}
    assert {BrokerStopped, AppStopped, PartitionsAssigned, LeaderElected, IsrChanged} <= kinds


def test_a_topic_that_is_made_later_begins_later() -> None:
    def administrator(app: App) -> Generator[Event, Any, None]:
        yield app.until(5 * SECOND)
        admin = app.admin()
        yield from admin.create_topics([NewTopic("late", 1, 2)])

    plan = Plan(duration=8 * SECOND, apps=(AppSpec("administrator", administrator),))
    run = Scenario("late-story", "", "", lambda _: plan).run()
    made_s = next(time / 1e9 for time, fact in run.facts if isinstance(fact, TopicCreated))
    first = reigns(run, TopicPartition("late", 0))[0]
    assert (first.begin_s, len(first.isr)) == (made_s, 2)
    assert made_s >= 5.0
