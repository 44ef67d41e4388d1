"""Client quotas: windows, throttle times, and which bound is whose."""

from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.rules.errors import ConfigError
from sim.rules.quotas import ClientQuota, Entity, SampledRate, quotas_from, throttle_time_ms


def test_a_young_rate_is_taken_over_ten_windows_and_what_has_passed_of_the_current_one() -> None:
    rate = SampledRate()
    rate.record(1000, 0)
    assert (rate.window_size_ms(0), rate.measure(0)) == (10_000, 100.0)
    assert rate.window_size_ms(250) == 10_250
    assert rate.window_size_ms(999) == 10_999
    assert rate.window_size_ms(1000) == 10_000, "one window is over, nine are added"
    assert rate.measure(9500) == 1000 / 10.5


def test_a_window_is_forgotten_eleven_seconds_after_its_last_event() -> None:
    rate = SampledRate()
    rate.record(1000, 0)
    rate.record(500, 700)
    rate.record(100, 5000)
    assert rate.measure(11_699) == pytest.approx(1600 / 11.699)
    assert rate.measure(11_700) == pytest.approx(100 / 10.7), "the oldest window left began at 5 s"
    assert rate.measure(16_000) == 0.0


def test_twelve_windows_are_kept_so_that_the_overlapping_one_counts() -> None:
    rate = SampledRate()
    for second in range(12):
        rate.record(1, second * 1000 + 900)
    assert rate.measure(11_900) == pytest.approx(11 / 10.0), "the first one, of 0.9 s, is eleven seconds old"
    assert rate.window_size_ms(11_899) == 10_999


def test_throttle_time_brings_the_rate_back_to_the_bound() -> None:
    assert throttle_time_ms(100.0, 100.0, 10_000) == 0
    assert throttle_time_ms(110.0, 100.0, 10_000) == 1000
    assert throttle_time_ms(400.0, 100.0, 10_000) == 30_000, "nothing caps it for bytes"
    assert throttle_time_ms(400.0, 100.0, 10_000, longest_ms=1000) == 1000
    assert [throttle_time_ms(rate, 64.0, 32) for rate in (64.5, 65.0, 67.0)] == [0, 1, 2], "half of one is rounded up"


def test_a_client_under_its_bound_is_never_throttled_and_one_above_is() -> None:
    quota = ClientQuota({Entity("", "loud"): 1000.0})
    assert quota.record("u", "quiet", 10**9, 0) == 0
    assert quota.record("u", "loud", 10_000, 0) == 0
    assert quota.record("u", "loud", 500, 100) == 400, "10,500 bytes are allowed in 10.5 s, 10.1 s count so far"
    quota.unrecord("u", "loud", 500, 100)
    assert quota.record("u", "loud", 100, 100) == 0
    assert (quota.most_in_window("u", "loud"), quota.most_in_window("u", "quiet")) == (10_000, inf)


def test_the_most_specific_bound_counts() -> None:
    bounds = {
        Entity("ann", "app"): 1.0,
        Entity("ann", "<default>"): 2.0,
        Entity("ann", ""): 3.0,
        Entity("<default>", "app"): 4.0,
        Entity("<default>", "<default>"): 5.0,
        Entity("<default>", ""): 6.0,
        Entity("", "app"): 7.0,
        Entity("", "<default>"): 8.0,
    }
    expected = {
        1.0: Entity("ann", "app"),
        2.0: Entity("ann", "app"),
        3.0: Entity("ann", ""),
        4.0: Entity("ann", "app"),
        5.0: Entity("ann", "app"),
        6.0: Entity("ann", ""),
        7.0: Entity("", "app"),
        8.0: Entity("", "app"),
    }
    for first, (entity, bound) in enumerate(bounds.items()):
        left = dict(list(bounds.items())[first:])
        assert ClientQuota(left).bound_of("ann", "app") == (expected[bound], left[entity])
    assert ClientQuota(bounds).bound_of("bob", "other") == (Entity("bob", "other"), 5.0)
    assert ClientQuota({}).bound_of("ann", "app") == (Entity("", "app"), inf)


def test_clients_of_one_user_share_its_bound_and_others_do_not() -> None:
    together = ClientQuota({Entity("ann", ""): 100.0})
    assert together.record("ann", "one", 1000, 0) == 0
    assert together.record("ann", "two", 100, 0) == 1000
    apart = ClientQuota({Entity("", "<default>"): 100.0})
    assert apart.record("ann", "one", 1000, 0) == 0
    assert apart.record("ann", "two", 1000, 0) == 0


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3000), st.integers(1, 50_000)), min_size=1, max_size=60))
def test_a_rest_pays_for_what_was_too_much(steps: list[tuple[int, int]]) -> None:
    """In the time of the rest the bound lets as many bytes through as were above it."""
    bound, now_ms = 10_000.0, 0
    rate, quota = SampledRate(), ClientQuota({Entity("", "c"): bound})
    for wait_ms, size in steps:
        now_ms += wait_ms
        rate.record(size, now_ms)
        rest_ms = quota.record("u", "c", size, now_ms)
        excess = (rate.measure(now_ms) - bound) * rate.window_size_ms(now_ms) / 1000
        assert rest_ms / 1000 * bound == pytest.approx(max(excess, 0), abs=bound / 1999)
        now_ms += rest_ms


def test_settings_are_read_by_client_id_or_user_and_client_id() -> None:
    given_quotas: dict[str | tuple[str, str], dict[str, float]] = {
        "app": {"producer_byte_rate": 1_048_576, "request_percentage": 12.5},
        ("ann", "<default>"): {"producer_byte_rate": 1000},
    }
    assert quotas_from(given_quotas, "producer_byte_rate") == {
        Entity("", "app"): 1_048_576.0,
        Entity("ann", "<default>"): 1000.0,
    }
    assert quotas_from(given_quotas, "request_percentage") == {Entity("", "app"): 12.5}
    assert quotas_from(given_quotas, "consumer_byte_rate") == {}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"": {"producer_byte_rate": 1}}, "Invalid empty client quota entity"),
        ({"app": {"byte_rate": 1}}, "Invalid configuration key byte_rate"),
        ({"app": {"consumer_byte_rate": 0}}, "Quota consumer_byte_rate must be greater than 0"),
        ({"app": {"producer_byte_rate": 0.5}}, "producer_byte_rate cannot be a fractional value."),
    ],
)
def test_wrong_settings_are_refused_in_kafkas_words(
    wrong: dict[str | tuple[str, str], dict[str, float]], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        quotas_from(wrong, "producer_byte_rate")
