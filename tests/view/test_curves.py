import numpy

from sim.observe.metrics import Sample
from sim.view.curves import Curves
from tests.view.made import gauges

ONE = (("group", "fraud"), ("partition", "payments-0"))
TWO = (("group", "fraud"), ("partition", "payments-1"))


def curves() -> Curves:
    clock = gauges("UnderReplicatedPartitions", {})[:4]
    pausing = [Sample(1.0, "records-lag", ONE, 5.0), Sample(4.0, "records-lag", ONE, 7.0)]
    steady = gauges("records-lag", {2: 3.0}, 1.0, group="fraud", partition="payments-1")[:3]
    return Curves([*clock, *pausing, *steady, Sample(2.5, "GroupState", ONE, 1.0)])


def test_the_grid_is_that_of_the_regular_samples() -> None:
    assert curves().times.tolist() == [1, 2, 3, 4]


def test_a_total_counts_what_was_not_sampled_as_nothing() -> None:
    assert curves().total("records-lag", group="fraud").tolist() == [6, 3, 1, 7]


def test_the_last_known_value_is_kept_while_a_series_pauses() -> None:
    assert curves().last_known("records-lag", group="fraud").tolist() == [6, 8, 6, 8]


def test_the_highest_is_unknown_where_nothing_was_sampled() -> None:
    assert curves().highest("records-lag", partition="payments-1").tolist()[:3] == [1, 3, 1]
    assert numpy.isnan(curves().highest("records-lag", partition="payments-1")[3])
    assert numpy.isnan(curves().highest("records-lag", group="nobody")).all()
