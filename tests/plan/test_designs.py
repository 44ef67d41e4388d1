"""What varies, and which configurations are flown."""

import pytest

from sim.plan.designs import configurations_of
from sim.plan.factors import check, factor_of, read_vary
from sim.rules.errors import ConfigError
from tests.plan.tiny import FORMULA


@pytest.mark.parametrize(
    ("values", "levels"),
    [
        ("1..4", (1, 2, 3, 4)),
        ("0,5,20", (0, 5, 20)),
        ("5s..7s", ("5s", "6s", "7s")),
        ("0.5, 1", (0.5, 1)),
        ("constant:5;ramp:1,2", ("constant:5", "ramp:1,2")),
        (range(2, 4), (2, 3)),
        ([True, "all"], (True, "all")),
    ],
    ids=str,
)
def test_values_as_they_are_written(values: object, levels: tuple[object, ...]) -> None:
    assert factor_of("key", values).levels() == levels


def test_a_grid_has_every_combination_once() -> None:
    factors = [factor_of("consumers", "1..3"), factor_of("linger.ms", "0,5")]
    found = configurations_of(factors, "grid")
    assert found[:3] == [
        {"consumers": 1, "linger.ms": 0},
        {"consumers": 1, "linger.ms": 5},
        {"consumers": 2, "linger.ms": 0},
    ]
    assert len(found) == 6


def test_a_latin_hypercube_has_one_point_in_each_slice() -> None:
    factors = [factor_of("share", "0.0..1.0"), factor_of("lasts", "10.0s..50.0s")]
    found = configurations_of(factors, "lhs", 8, seed=3)
    assert sorted(int(8 * float(each["share"])) for each in found) == list(range(8))
    assert sorted(int((float(str(each["lasts"])[:-1]) - 10) / 5) for each in found) == list(range(8))
    assert configurations_of(factors, "lhs", 8, seed=3) == found != configurations_of(factors, "lhs", 8, seed=4)


def test_sobol_points_are_balanced() -> None:
    found = configurations_of([factor_of("n", "1..4"), factor_of("acks", ["1", "all"])], "sobol", 16)
    assert sorted((each["n"], each["acks"]) for each in found) == [
        (n, acks) for n in range(1, 5) for acks in ("1", "all")
    ]


@pytest.mark.parametrize(
    ("values", "design", "points", "told"),
    [
        ("3..1", "grid", None, "is an empty range; write 1..3"),
        ("", "grid", None, "write a range such as"),
        ("1..3,5", "grid", None, "write a range such as"),
        ([], "grid", None, "no values"),
        (7, "grid", None, "is no range and no list"),
        ("1,2,1", "grid", None, "1 is there more than once"),
        ("0.1..0.9", "grid", None, "a grid needs single values"),
        ("1..99999", "grid", None, "10,000 at most"),
        ("5s..1000ms", "grid", None, "write both ends in one unit"),
        ("1..3", "grid", 4, "--points concerns a design that draws"),
        ("1..3", "cube", None, "there are grid, lhs, sobol"),
        ("red,green,blue", "sobol", None, "red, green and so on have no order that sobol could draw from"),
        ("1..3", "sobol", 12, "8 or 16"),
        ("1..3", "lhs", 1, "between 2 and 10,000"),
    ],
    ids=str,
)
def test_designs_that_cannot_be(values: object, design: str, points: int | None, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        configurations_of([factor_of("key", values)], design, points)


@pytest.mark.parametrize(
    ("vary", "fixed", "told"),
    [
        ({}, {}, "nothing is varied"),
        ({"strnog": "1,2"}, {}, "did you mean 'strong'"),
        ({"strong": "1,2"}, {"strong": 3}, "strong is set more than once"),
        ({"producer.linger.ms": "1,2"}, {"linger_ms": 3}, "as producer.linger.ms and as linger_ms"),
    ],
    ids=str,
)
def test_settings_that_contradict(vary: dict[str, str], fixed: dict[str, object], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        check(FORMULA, [factor_of(*each) for each in vary.items()], fixed)


def test_the_command_lines_spelling() -> None:
    assert read_vary(["a=1..3", "arrivals=poisson:5"]) == {"a": "1..3", "arrivals": "poisson:5"}
    for wrong in (["a"], ["=1"], ["a=1", "a=2"]):
        with pytest.raises(ConfigError, match="--vary"):
            read_vary(wrong)
