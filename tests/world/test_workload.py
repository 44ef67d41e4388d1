"""Arrivals against theory: rates, shapes, order, and the texts that stand for them."""

from itertools import islice, pairwise

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.machine.clock import MINUTE, SECOND
from sim.rules.errors import ConfigError
from sim.world.workload import Bursts, Constant, DailyCurve, Poisson, Replay, Workload, parse_workload

HOUR = 60 * MINUTE
RANDOM_WORKLOADS = [
    Poisson(450),
    DailyCurve(300, 2.5, peak_at="2m", period="3m"),
    DailyCurve(300, 1, period="1m"),
    DailyCurve(40, 30, peak_at="10s", period="1m"),
    Bursts(100, 2000, "30s", "5s"),
    Bursts(500, 0, "20s", "10s"),
]
ALL_WORKLOADS = [Constant(123.4), *RANDOM_WORKLOADS, Replay((0, 5, 5, 7 * SECOND))]


def drawn(workload: Workload, duration_ns: int, seed: int = 1) -> numpy.ndarray:
    return numpy.array(list(workload.arrivals(numpy.random.default_rng(seed), duration_ns)), dtype=numpy.int64)


@pytest.mark.parametrize("workload", RANDOM_WORKLOADS, ids=str)
@pytest.mark.parametrize("seed", range(3))
def test_mean_rate_is_met_within_three_standard_errors(workload: Workload, seed: int) -> None:
    duration = 6 * MINUTE
    expected = workload.mean_rate() * duration / SECOND
    assert len(drawn(workload, duration, seed)) == pytest.approx(expected, abs=3 * expected**0.5)


def test_constant_is_evenly_spaced_and_exact_in_number() -> None:
    times = drawn(Constant(100), 60 * SECOND)
    assert len(times) == 6000
    assert times[0] == 0
    assert set(numpy.diff(times).tolist()) == {SECOND // 100}
    assert len(drawn(Constant(0.1), 60 * SECOND)) == 6
    assert set(numpy.diff(drawn(Constant(7), MINUTE)).tolist()) == {142_857_142, 142_857_143}


def test_poisson_gaps_are_exponential() -> None:
    gaps = numpy.diff(drawn(Poisson(1000), 60 * SECOND)) / SECOND
    assert gaps.std() == pytest.approx(gaps.mean(), rel=0.02)
    assert (gaps > 0.001).mean() == pytest.approx(numpy.exp(-1), abs=0.01)


def test_daily_curve_peaks_and_dips_where_it_says() -> None:
    curve = DailyCurve(10, 2.5, peak_at="14h", period="24h")
    hours = numpy.bincount(drawn(curve, 24 * HOUR) // HOUR, minlength=24)
    middle_of_hours = (numpy.arange(24) * HOUR + HOUR // 2).astype(numpy.int64)
    expected = curve.rate_at(middle_of_hours) * 3600
    assert curve.rate_at(numpy.array([14 * HOUR]))[0] == pytest.approx(25)
    assert (numpy.abs(hours - expected) < 4 * numpy.sqrt(expected) + 0.01 * expected).all()
    assert set(numpy.argsort(hours)[-2:].tolist()) == {13, 14}
    assert set(numpy.argsort(hours)[:4].tolist()) & {1, 2}


@pytest.mark.parametrize("peak_to_mean", [1, 1.001, 2.5, 12, 50])
def test_daily_curve_has_the_mean_it_is_given(peak_to_mean: float) -> None:
    curve = DailyCurve(1, peak_to_mean)
    rates = curve.rate_at(numpy.linspace(0, 24 * HOUR, 100_000, endpoint=False).astype(numpy.int64))
    assert rates.mean() == pytest.approx(1, rel=1e-6)
    assert rates.max() == pytest.approx(peak_to_mean, rel=1e-6)
    assert rates.min() >= 0


def test_bursts_end_each_cycle() -> None:
    seconds = numpy.bincount(drawn(Bursts(100, 2000, "30s", "5s"), 60 * SECOND) // SECOND, minlength=60)
    bursting = numpy.arange(60) % 30 >= 25
    assert seconds[bursting].mean() == pytest.approx(2000, abs=3 * (2000 / 10) ** 0.5)
    assert seconds[~bursting].mean() == pytest.approx(100, abs=3 * (100 / 50) ** 0.5)
    assert seconds[~bursting].max() < 200 < 1500 < seconds[bursting].min()


@pytest.mark.parametrize("workload", ALL_WORKLOADS, ids=str)
def test_same_seed_same_arrivals_and_longer_runs_begin_alike(workload: Workload) -> None:
    once, again, longer = drawn(workload, MINUTE), drawn(workload, MINUTE), drawn(workload, 2 * MINUTE)
    assert (once == again).all()
    assert (longer[: len(once)] == once).all()
    assert (longer[len(once) :] >= MINUTE).all()


def test_other_seed_other_arrivals() -> None:
    for workload in RANDOM_WORKLOADS:
        assert drawn(workload, SECOND * 30, 1)[:20].tolist() != drawn(workload, SECOND * 30, 2)[:20].tolist()


def test_arrivals_are_lazy_python_integers() -> None:
    forever = Poisson(1000).arrivals(numpy.random.default_rng(0), 10**18)
    assert [type(time) for time in islice(forever, 3)] == [int, int, int]


RATES = st.floats(0, 3000, allow_nan=False)


@settings(max_examples=60, deadline=None)
@given(
    st.one_of(
        st.builds(Constant, RATES),
        st.builds(Poisson, RATES),
        st.builds(DailyCurve, RATES, st.floats(1, 50), st.sampled_from(["0s", "700ms"]), st.just("900ms")),
        st.builds(Bursts, RATES, RATES, st.just("500ms"), st.sampled_from(["1ns", "20ms", "500ms"])),
        st.builds(Replay, st.lists(st.integers(0, 10**11), max_size=20).map(lambda times: tuple(sorted(times)))),
    ),
    st.integers(0, 2 * SECOND),
    st.integers(0, 2**32),
)
def test_arrivals_rise_and_stay_inside_the_duration(workload: Workload, duration: int, seed: int) -> None:
    times = drawn(workload, duration, seed).tolist()
    assert all(earlier <= later for earlier, later in pairwise(times))
    assert all(0 <= time < duration for time in times)
    assert times or workload.mean_rate() < 3000 or duration < SECOND


@pytest.mark.parametrize("workload", ALL_WORKLOADS, ids=str)
def test_text_is_read_back_as_the_same_value(workload: Workload) -> None:
    assert parse_workload(str(workload)) == workload


@pytest.mark.parametrize(
    ("text", "workload"),
    [
        ("poisson:450", Poisson(450)),
        ("constant:100", Constant(100)),
        (" bursts:100, 2000, 30s, 5s ", Bursts(100, 2000, "30s", "5s")),
        ("daily:450,2.5", DailyCurve(450, 2.5)),
        ("daily:450,2.5,2m,4m", DailyCurve(450, 2.5, peak_at="2m", period="4m")),
        ("replay:0s,1500ms", Replay((0, 1_500_000_000))),
    ],
)
def test_forms(text: str, workload: Workload) -> None:
    assert parse_workload(text) == workload


def test_replay_states_its_rate() -> None:
    assert Replay((0, SECOND, 2 * SECOND)).mean_rate() == 1
    assert Replay((SECOND,)).mean_rate() == Replay(()).mean_rate() == 0


@pytest.mark.parametrize("text", ["", "450", "poison:450", "poisson:1,2", "bursts:1,2,3s", "daily:450"])
def test_unknown_form_is_refused_with_the_forms_there_are(text: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse_workload(text)
    message = str(refused.value)
    assert repr(text) in message
    assert "\n" not in message
    assert all(form in message for form in ("constant:100", "poisson:450", "bursts:100,2000,30s,5s", "daily:450,2.5"))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("poisson:-1", "rate_per_s must be 0 or more and finite, not -1.0"),
        ("constant:nan", "rate_per_s must be 0 or more and finite, not nan"),
        ("constant:inf", "not inf"),
        ("poisson:fast", "'fast'"),
        ("poisson", "write it like poisson:450"),
        ("bursts:1,-2,30s,5s", "burst_rate_per_s"),
        ("bursts:1,2,30s,40s", "at most 30s, not 40s"),
        ("bursts:1,2,30s,0s", "more than 0s"),
        ("bursts:1,2,soon,5s", "'soon' is not a duration"),
        ("daily:450,0.5", "peak_to_mean must lie between 1 and 50, not 0.5"),
        ("daily:450,nan", "peak_to_mean"),
        ("daily:450,2,1h,0s", "longer than 0s"),
        ("replay:2s,1s", "never fall"),
    ],
)
def test_bad_figures_are_refused_in_one_line(text: str, told: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse_workload(text)
    assert told in str(refused.value)
    assert "\n" not in str(refused.value)


def test_replay_refuses_fractions_of_a_nanosecond() -> None:
    with pytest.raises(ConfigError, match="whole nanoseconds"):
        Replay((0.5, 1.5))  # type: ignore[arg-type]
