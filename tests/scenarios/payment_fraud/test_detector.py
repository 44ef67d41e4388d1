"""The three rules, the windows, and how good they are together."""

from collections.abc import Iterable

import pytest

from scenarios.uses.payment_fraud.alerts import Alert
from scenarios.uses.payment_fraud.detector import DetectorLimits, FraudDetector
from scenarios.uses.payment_fraud.fraud import AMOUNT_SPIKE, CARD_TESTING, IMPOSSIBLE_TRAVEL
from scenarios.uses.payment_fraud.payments import Payment
from scenarios.uses.payment_fraud.scoring import score_alerts
from tests.scenarios.payment_fraud.samples import PLAIN, generated

PARIS, TOKYO = (48.86, 2.35), (35.68, 139.65)


def pay(number: int, seconds: float, cents: int = 1000, place: tuple[float, float] = PARIS) -> Payment:
    return PLAIN._replace(
        payment_id=f"p{number}",
        time_ms=PLAIN.time_ms + int(seconds * 1000),
        amount_cents=cents,
        latitude=place[0],
        longitude=place[1],
    )


def alerts(payments: Iterable[Payment], detector: FraudDetector | None = None) -> dict[str, str]:
    judge = detector or FraudDetector()
    found = [judge.inspect(payment) for payment in payments]
    return {alert.payment_id: alert.kind for alert in found if alert}


def test_the_third_small_payment_within_the_window_is_card_testing() -> None:
    assert alerts(pay(n, n, cents=150) for n in range(4)) == {"p2": CARD_TESTING, "p3": CARD_TESTING}
    assert alerts(pay(n, n, cents=151) for n in range(4)) == {}
    assert alerts(pay(n, n * 5.001, cents=100) for n in range(6)) == {}


def test_two_places_too_far_apart_are_impossible_travel_and_the_way_home_is_not() -> None:
    hours = 3600.0
    assert alerts([pay(1, 0), pay(2, 60), pay(3, 120, place=TOKYO), pay(4, 180)]) == {"p3": IMPOSSIBLE_TRAVEL}
    assert alerts([pay(1, 0), pay(2, 11 * hours, place=TOKYO)]) == {}
    assert alerts([pay(1, 0), pay(2, 10 * hours, place=TOKYO)]) == {"p2": IMPOSSIBLE_TRAVEL}


def test_a_place_that_many_payments_deny_is_given_up() -> None:
    moved = [pay(0, 0)] + [pay(n, n, place=TOKYO) for n in range(1, 9)]
    assert list(alerts(moved)) == ["p1"]
    settled = [pay(n, n) for n in range(20)] + [pay(n, n, place=TOKYO) for n in range(20, 40)]
    assert list(alerts(settled)) == [f"p{n}" for n in range(20, 26)]


def test_an_amount_far_above_the_mean_is_a_spike_once_there_is_history() -> None:
    habit = [pay(n, n * 60, cents=1000) for n in range(5)]
    assert alerts([*habit, pay(9, 600, cents=8001)]) == {"p9": AMOUNT_SPIKE}
    assert alerts([*habit, pay(9, 600, cents=8000)]) == {}
    assert alerts([*habit[:4], pay(9, 600, cents=90_000)]) == {}


def test_a_spike_does_not_lift_the_mean_by_more_than_its_limit() -> None:
    habit = [pay(n, n * 60, cents=1000) for n in range(5)]
    again = [*habit, pay(8, 600, cents=10_000_000), pay(9, 700, cents=30_000)]
    assert alerts(again) == {"p8": AMOUNT_SPIKE, "p9": AMOUNT_SPIKE}


def test_cards_do_not_touch_each_other() -> None:
    payments = [pay(n, n, cents=100)._replace(card=f"card-{n}") for n in range(9)]
    assert alerts(payments) == {}
    assert alerts(payment._replace(card=None) for payment in (pay(n, n, cents=100) for n in range(9))) == {}


def test_a_payment_delivered_again_gets_the_same_answer_and_changes_nothing() -> None:
    once, twice = FraudDetector(), FraudDetector()
    payments = generated(11)[:30_000]
    answers = [once.inspect(payment) for payment in payments]
    repeated: list[Alert | None] = []
    for start in range(0, len(payments), 100):
        batch = payments[start : start + 100]
        first = [twice.inspect(payment) for payment in batch]
        assert [twice.inspect(payment) for payment in batch] == first
        repeated += first
    assert repeated == answers


def test_the_label_is_not_looked_at() -> None:
    payments = generated(11)[:20_000]
    disguised = [payment._replace(is_fraud=not payment.is_fraud, fraud_kind="none") for payment in payments]
    assert alerts(payments) == alerts(disguised) != {}


def test_memory_is_bounded_per_card_and_in_cards() -> None:
    detector = FraudDetector(DetectorLimits(remembered_payments=10, remembered_cards=3))
    for number in range(1000):
        detector.inspect(pay(number, number * 0.001, cents=100))
    window = detector.windows["card-1"]
    assert len(window.judged) < 20
    assert len(window.small_times_ms) <= 64
    for card in "abcdef":
        detector.inspect(PLAIN._replace(card=card))
    assert list(detector.windows) == ["d", "e", "f"]


def test_windows_move_with_a_card_or_are_lost() -> None:
    habit = [pay(n, n * 60, cents=1000) for n in range(5)]
    spike = pay(9, 600, cents=20_000)
    old, heir, stranger = FraudDetector(), FraudDetector(), FraudDetector()
    assert alerts(habit, old) == {}
    heir.adopt(old.release(["card-1", "unknown"]))
    assert alerts([spike], heir) == {"p9": AMOUNT_SPIKE}
    assert alerts([spike], stranger) == {}
    assert "card-1" not in old.windows


def test_missing_places_are_no_reason_for_an_alert() -> None:
    nowhere = pay(2, 1)._replace(latitude=None, longitude=None)
    assert alerts([pay(1, 0), nowhere, pay(3, 2)]) == {}


@pytest.mark.parametrize("seed", [11, 12, 13])
def test_precision_and_recall_on_generated_payments(seed: int) -> None:
    score = score_alerts(generated(seed), alerts(generated(seed)))
    assert score.precision >= 0.85
    assert score.recall >= 0.85
    assert all(kind.recall >= 0.75 for kind in score.kinds.values())
