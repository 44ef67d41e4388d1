"""Scores against labels, delays, and the money oracle."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scenarios.uses.payment_fraud.money import Difference, PaidAmount, reconcile
from scenarios.uses.payment_fraud.scoring import Delays, KindScore, score_alerts, summarise_delays
from tests.scenarios.payment_fraud.samples import PLAIN

AMOUNTS = st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 5)), max_size=12)


def test_alerts_are_scored_against_labels_per_kind() -> None:
    labels = {"a": "spike", "b": "spike", "c": "testing", "d": None, "e": None}
    payments = [PLAIN._replace(payment_id=p, is_fraud=k is not None, fraud_kind=k) for p, k in labels.items()]
    score = score_alerts([*payments, PLAIN._replace(payment_id="f", is_fraud=None)], ["a", "a", "c", "d", "f"])
    assert (score.true_positives, score.false_positives, score.false_negatives) == (2, 1, 1)
    assert score.kinds == {"spike": KindScore(2, 1), "testing": KindScore(1, 1)}
    assert score.kinds["spike"].recall == 0.5
    assert score.precision == score.recall == score.f1 == pytest.approx(2 / 3)


def test_a_score_over_nothing_is_zero() -> None:
    score = score_alerts([], [])
    assert (score.precision, score.recall, score.f1) == (0.0, 0.0, 0.0)


def test_delays_are_summarised() -> None:
    delays = summarise_delays(range(101))
    assert delays == Delays(101, 50.0, 95.0, 99.0, 100.0)
    assert summarise_delays([]) == Delays(0, None, None, None, None)


def test_the_money_oracle_names_each_payment_that_differs() -> None:
    report = reconcile([("a", 100), ("b", 200), ("c", 300), ("c", 300)], [("a", 100), ("b", 201), ("c", 300), ("x", 7)])
    assert (report.paid_cents, report.loaded_cents) == (900, 608)
    assert report.missing == (PaidAmount("c", 300),)
    assert report.extra == (PaidAmount("x", 7),)
    assert report.differing == (Difference("b", 200, 201),)
    assert not report.ok


def test_differences_that_cancel_out_are_still_found() -> None:
    report = reconcile([("a", 100), ("b", 200)], [("a", 200), ("b", 100)])
    assert report.paid_cents == report.loaded_cents
    assert len(report.differing) == 2
    assert not report.ok


def test_a_payment_loaded_twice_is_extra() -> None:
    report = reconcile([("a", 1)], [("a", 1), ("a", 1)])
    assert report.extra == (PaidAmount("a", 1),)
    assert not report.ok


@settings(max_examples=80, deadline=None)
@given(AMOUNTS, AMOUNTS)
def test_the_lists_explain_the_difference_of_the_totals(
    paid: list[tuple[str, int]], loaded: list[tuple[str, int]]
) -> None:
    report = reconcile(paid, loaded)
    explained = sum(extra.amount_cents for extra in report.extra) - sum(gone.amount_cents for gone in report.missing)
    explained += sum(difference.loaded_cents - difference.paid_cents for difference in report.differing)
    assert report.loaded_cents - report.paid_cents == explained
    assert report.ok == (sorted(paid) == sorted(loaded))
