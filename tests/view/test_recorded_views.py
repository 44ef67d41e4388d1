"""Staircase, requests, resources and sequence: what they show is what the recorder has."""

from functools import cache

import numpy
import pytest
from matplotlib.figure import Figure

from sim.rules.errors import ConfigError
from sim.rules.topics import TopicPartition
from sim.view import requests, resources, sequence, staircase
from sim.view.exchanges import MOST_ARROWS, window_at
from tests.view.flown import flown
from tests.view.test_throughput_lag import words

NAME = TopicPartition("orders", 1)


@cache
def stairs() -> Figure:
    return staircase.draw(flown(), partition="orders-1")


@cache
def around_the_crash() -> Figure:
    return sequence.draw(flown(), at_s=12.0)


def test_the_staircase_has_the_offsets_of_the_recorder() -> None:
    steps = flown().recorded().steps[NAME]
    ends, watermarks = stairs().axes[0].lines[:2]
    assert list(ends.get_ydata())[:-1] == [step.log_end_offset for step in steps]  # type: ignore[arg-type]
    assert list(watermarks.get_ydata())[:-1] == [step.high_watermark for step in steps]  # type: ignore[arg-type]
    assert list(ends.get_xdata())[-1] == flown().simulated_s  # type: ignore[arg-type]


def test_the_staircase_has_a_line_for_each_group() -> None:
    groups = {group_id for group_id, name in flown().recorded().commits if name == NAME}
    assert groups == {"fraud", "warehouse"}
    assert {f"committed by {group_id}" for group_id in groups} <= set(words(stairs()))


def test_the_title_of_the_staircase_tells_the_furthest_behind() -> None:
    steps, commits = flown().recorded().steps[NAME], flown().recorded().commits
    lags = []
    for (_, name), found in commits.items():
        for time_s, end in ((step.time_s, step.log_end_offset) for step in steps):
            offset = next((offset for at_s, offset in reversed(found) if at_s <= time_s), None)
            lags += [end - offset] if offset is not None and name == NAME else []
    title = " ".join(text.get_text() for text in stairs().texts)
    assert f"up to {max(lags):,} records behind" in title
    assert title.startswith("orders-1: ")


def test_an_unknown_partition_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="unknown partition, did you mean 'orders-1'"):
        staircase.draw(flown(), partition="order-1")


def test_requests_count_each_that_came_in() -> None:
    seconds = int(flown().simulated_s) + 1
    sent = [fact for fact in flown().recorded().requests if fact.server.startswith("broker") and fact.arrived_at >= 0]
    figure = requests.draw(flown())
    drawn = sum(float(numpy.sum(line.get_ydata())) for line in figure.axes[0].lines if line.get_label()[1:].isdigit())  # type: ignore[index, arg-type, union-attr]
    within = [fact for fact in sent if fact.arrived_at < seconds * 1e9 - 1e9]
    assert drawn == len(within)
    assert figure.texts[0].get_text().startswith(f"{len(sent):,} requests to brokers, ")


def test_the_longest_produce_is_in_the_title_of_requests() -> None:
    done = [f for f in flown().recorded().requests if f.kind == "Produce" and f.answered_at >= 0 and f.arrived_at >= 0]
    longest_s = max(fact.answered_at - fact.arrived_at for fact in done) / 1e9
    assert longest_s > 1
    assert any(f"{longest_s:.3g} s at worst" in text for text in words(requests.draw(flown())))


def test_resources_are_idle_while_a_broker_is_down() -> None:
    loads = {load.time_s: load for load in flown().recorded().loads[2]}
    assert all(loads[second].cpu == loads[second].network == 0.0 for second in (14.0, 16.0, 18.0))
    assert min(loads[5.0][1:]) > 0


def test_resources_tell_the_busiest_device_and_draw_a_line_for_each_broker() -> None:
    figure, loads = resources.draw(flown()), flown().recorded().loads
    peak = max(share for found in loads.values() for load in found for share in load[1:])
    assert f"{100 * peak:.2g} % busy" in figure.texts[0].get_text() + figure.texts[1].get_text()
    lines = [line for line in figure.axes[0].lines if line.get_label() in {"_0", "_1", "_2"}]
    assert [max(line.get_ydata()) for line in lines] == [100 * max(load.cpu for load in loads[b]) for b in (1, 2, 3)]  # type: ignore[arg-type, type-var]


def test_a_sequence_names_all_that_take_part_and_each_request() -> None:
    window = window_at(flown().recorded().requests, round(12e9))
    assert 0 < len(window.requests) <= MOST_ARROWS
    shown = set(words(around_the_crash()))
    assert {name for fact in window.requests for name in (fact.client, fact.server)} <= shown
    asked = {f"{fact.kind} {fact.content}".strip() for fact in window.requests if window.holds(fact.sent_at)}
    assert asked
    assert asked <= shown


def test_a_sequence_marks_the_fault_that_begins_in_it() -> None:
    assert "broker 2 crashes" in words(around_the_crash())


def test_the_title_of_a_sequence_tells_where_the_time_went() -> None:
    figure = sequence.draw(flown(), at_s=9.0)
    focus = window_at(flown().recorded().requests, round(9e9)).focus
    assert focus is not None
    assert figure.texts[0].get_text() == (
        f"Produce of gateway to {focus.server} took {(focus.returned_at - focus.sent_at) / 1e6:.3g} ms"
    )
    assert f"{(focus.answered_at - focus.arrived_at) / 1e6:.3g} ms in the broker" in figure.texts[1].get_text()


@pytest.mark.parametrize("at_s", [-1.0, 1e6])
def test_a_time_that_the_run_has_not_is_refused(at_s: float) -> None:
    with pytest.raises(ConfigError, match="is no time of this run, which lasts"):
        sequence.draw(flown(), at_s=at_s)
