"""Which settings matter, of a formula whose effects and variances are known."""

from typing import Any

import pytest

from sim.plan import sensitivity
from sim.plan.findings import finding_of_sensitivity
from sim.rules.errors import ConfigError
from tests.plan.tiny import FORMULA

HEIGHT: dict[str, Any] = {"measure": "results/height", "reps": 1}


@pytest.mark.parametrize(
    ("strong", "weak", "effects"),
    [
        ("0.0..10.0", "0.0..10.0", (40, 10)),
        ("0..10", "0,10", (40, 10)),
        ("0,5,10", "0..1", (40, 1)),
        ("0,1,10", "0..1", (40, 1)),
        ("10,9,8,0", "0,5,6", (40, 6)),
        ("1..2", "0..6", (4, 6)),
        ("0..4", "3,4", (16, 1)),
        ("2,1", "7", (4, 0)),
    ],
    ids=str,
)
def test_morris_finds_the_change_over_the_whole_range(strong: str, weak: str, effects: tuple[float, float]) -> None:
    vary = {"strong": strong, "weak": weak, "idle": "0..10"}
    found = sensitivity(FORMULA, vary, points=4, **HEIGHT).set_index("setting")
    assert found["effect"].to_dict() == pytest.approx({"strong": effects[0], "weak": effects[1], "idle": 0})
    assert found["spread"].max() == pytest.approx(0, abs=1e-9)


def test_sobol_finds_the_shares_of_the_variance() -> None:
    """Of 4 strong + weak, one over twice the range of the other, 64 and 1 parts of 65."""
    vary = {"idle": "0..10", "weak": "0.0..5.0", "strong": "0.0..10.0"}
    table = sensitivity(FORMULA, vary, method="sobol", points=64, **HEIGHT)
    assert table["setting"].tolist() == ["strong", "weak", "idle"]
    assert table["total"].tolist() == pytest.approx([64 / 65, 1 / 65, 0], abs=0.1)
    assert table["alone"].tolist() == pytest.approx([64 / 65, 1 / 65, 0], abs=0.1)
    assert finding_of_sensitivity(table).endswith("; less than a tenth of that: weak, idle")


@pytest.mark.parametrize("method", ["morris", "sobol"])
def test_the_seed_decides_all(method: str) -> None:
    vary = {"strong": "0.0..10.0", "weak": "0.0..10.0"}
    first, again, other = (
        sensitivity(FORMULA, vary, method=method, points=4, seed=seed, set={"noise": 1.0}, **HEIGHT)
        for seed in (0, 0, 1)
    )
    assert again.equals(first)
    assert not other.equals(first)


def test_uneven_lists_are_named() -> None:
    table = sensitivity(FORMULA, {"strong": "0,1,10", "weak": "0,1,2", "idle": "1..3"}, points=2, **HEIGHT)
    assert finding_of_sensitivity(table).endswith("; of strong the ends were compared, as the steps between are uneven")


def test_settings_that_change_nothing_have_no_index() -> None:
    table = sensitivity(FORMULA, {"idle": "0..10", "word": "a,b"}, points=2, **HEIGHT)
    assert table["effect"].tolist() == [0, 0]
    assert finding_of_sensitivity(table) == "none of the settings changes results/height"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"vary": {"strong": "1..2"}}, "vary two or more"),
        ({"method": "moris"}, "there are morris and sobol"),
        ({"method": "sobol", "points": 12}, "a power of two such as 64"),
        ({"points": 1}, "between 2 and 10,000"),
        ({"vary": {"strong": "1..2", "word": "a,b,c"}}, "have no order"),
    ],
    ids=str,
)
def test_what_cannot_be_studied(given: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        sensitivity(FORMULA, **{"vary": {"strong": "1..2", "weak": "1..2"}, **given})
