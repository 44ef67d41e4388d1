"""Generated payments."""

from collections import Counter, defaultdict
from itertools import count, islice, pairwise

import numpy as np
import pytest

from scenarios.uses.payment_fraud.customers import CATEGORIES, draw_population
from scenarios.uses.payment_fraud.fraud import AMOUNT_SPIKE, CARD_TESTING, FRAUD_KINDS, IMPOSSIBLE_TRAVEL
from scenarios.uses.payment_fraud.generator import DEFAULT_START_MS, generate_payments, poisson_arrivals
from scenarios.uses.payment_fraud.payments import Payment
from scenarios.uses.payment_fraud.places import CITIES, great_circle_km
from tests.scenarios.payment_fraud.samples import generated

SEED = 11


def by_kind(kind: str) -> list[Payment]:
    return [payment for payment in generated(SEED) if payment.fraud_kind == kind]


def honest_payments_by_card() -> list[list[Payment]]:
    by_card: dict[str, list[Payment]] = defaultdict(list)
    for payment in generated(SEED):
        if not payment.is_fraud:
            by_card[str(payment.card)].append(payment)
    return [payments for payments in by_card.values() if len(payments) >= 5]


def test_the_defaults_make_a_hundred_thousand_payments_in_time_order() -> None:
    payments = generated(SEED)
    assert len(payments) >= 430 * 240 > 100_000
    assert all(earlier.time_ms <= later.time_ms for earlier, later in pairwise(payments))
    assert payments[0].time_ms >= DEFAULT_START_MS
    assert payments[-1].time_ms < DEFAULT_START_MS + 240_000
    assert len({payment.payment_id for payment in payments}) == len(payments)


def test_one_seed_makes_the_same_payments_and_another_makes_others() -> None:
    first, again, other = (
        list(islice(generate_payments(np.random.default_rng(seed)), 5000)) for seed in (SEED, SEED, SEED + 1)
    )
    assert first == again == list(generated(SEED)[:5000])
    assert first != other


def test_payments_are_made_as_they_are_asked_for() -> None:
    endless = (second / 10 for second in count())
    payments = list(islice(generate_payments(np.random.default_rng(1), arrivals_s=endless), 10_000))
    assert [payment.time_ms - DEFAULT_START_MS for payment in payments] == [second * 100 for second in range(10_000)]
    assert 30 < sum(bool(payment.is_fraud) for payment in payments) < 250


def test_a_workload_drives_the_arrivals() -> None:
    burst_s = np.concatenate((np.linspace(0, 1, 50), np.full(100, 1.5), [7.0]))
    payments = list(generate_payments(np.random.default_rng(1), arrivals_s=burst_s, start_ms=0, fraud_share=0.0))
    assert [payment.time_ms for payment in payments[49:]] == [1000] + [1500] * 100 + [7000]
    assert not any(payment.is_fraud for payment in payments)
    assert list(generate_payments(np.random.default_rng(1), arrivals_s=[])) == []


def test_about_one_payment_in_a_hundred_is_fraud_of_three_kinds() -> None:
    kinds = Counter(payment.fraud_kind for payment in generated(SEED) if payment.is_fraud)
    assert {str(kind) for kind in kinds} == set(FRAUD_KINDS)
    assert 0.007 < sum(kinds.values()) / len(generated(SEED)) < 0.013
    assert min(kinds.values()) > 100
    assert all((payment.fraud_kind is not None) == payment.is_fraud for payment in generated(SEED))


def test_card_testing_is_many_tiny_amounts_within_seconds() -> None:
    times_ms: dict[str, list[int]] = defaultdict(list)
    for payment in by_kind(CARD_TESTING):
        assert payment.amount_cents <= 150
        times_ms[str(payment.card)].append(payment.time_ms)
    assert sum(len(times) >= 14 for times in times_ms.values()) >= 0.8 * len(times_ms)
    gaps = [later - earlier for times in times_ms.values() for earlier, later in pairwise(times)]
    assert np.median(gaps) < 1000


def test_impossible_travel_is_far_from_the_customers_other_payments() -> None:
    cities = {city.name: city for city in CITIES}
    homes = {
        payments[0].card: Counter(str(payment.city) for payment in payments).most_common(1)[0][0]
        for payments in honest_payments_by_card()
    }
    distances_km = [
        great_circle_km(*cities[homes[payment.card]][1:], *cities[str(payment.city)][1:])
        for payment in by_kind(IMPOSSIBLE_TRAVEL)
        if payment.card in homes
    ]
    assert len(distances_km) > 100
    assert min(distances_km) > 1500


def test_an_amount_spike_is_a_multiple_of_what_the_card_pays() -> None:
    usual = {payments[0].card: np.mean([p.amount_cents for p in payments]) for payments in honest_payments_by_card()}
    ratios = [p.amount_cents / usual[p.card] for p in by_kind(AMOUNT_SPIKE) if p.card in usual]
    assert min(ratios) > 5
    assert 12 < np.median(ratios) < 30


def test_some_cards_pay_much_more_often_than_others_and_all_have_homes() -> None:
    payments = [payment for payment in generated(SEED) if not payment.is_fraud]
    counts = sorted(Counter(payment.card for payment in payments).values(), reverse=True)
    assert counts[0] > 20 * counts[len(counts) // 2]
    cities = {city.name: city for city in CITIES}
    for payment in payments[:2000]:
        city = cities[str(payment.city)]
        assert payment.latitude is not None
        assert payment.longitude is not None
        assert great_circle_km(city.latitude, city.longitude, payment.latitude, payment.longitude) < 80


def test_a_population_has_different_cards_and_a_merchant_in_each_category() -> None:
    population = draw_population(np.random.default_rng(3), customers=500, merchants=len(CATEGORIES))
    assert len(set(population.cards)) == 500
    assert all(len(card) == 16 and card.startswith("9999") for card in population.cards)
    assert np.diff(population.merchant_start).tolist() == [1] * len(CATEGORIES)
    assert all(len(set(row)) == 4 for row in population.favourites.tolist())


def test_poisson_arrivals_have_their_rate() -> None:
    times_s = list(poisson_arrivals(np.random.default_rng(5), rate_per_s=100, duration_s=100))
    assert abs(len(times_s) - 10_000) < 400
    assert 0 <= times_s[0] <= times_s[-1] < 100


@pytest.mark.parametrize(
    "arguments",
    [{"fraud_share": 0.9}, {"fraud_share": -0.1}, {"customers": 0}, {"merchants": 3}],
)
def test_impossible_populations_are_refused(arguments: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"needed|share"):
        generate_payments(np.random.default_rng(1), **arguments)  # type: ignore[arg-type]


def test_an_arrival_process_without_a_rate_is_refused() -> None:
    for rate_per_s in (0.0, -1.0, float("nan")):
        with pytest.raises(ValueError, match="rate"):
            next(poisson_arrivals(np.random.default_rng(1), rate_per_s, 10))


def test_distances_on_the_globe() -> None:
    assert great_circle_km(48.86, 2.35, 48.86, 2.35) == 0
    assert great_circle_km(48.8566, 2.3522, 51.5074, -0.1278) == pytest.approx(343.6, abs=0.5)
    assert great_circle_km(0, 0, 0, 180) == pytest.approx(20015.1, abs=0.1)
    assert great_circle_km(-35, 179.9, -35, -179.9) < 20
