"""Whether a simulated figure lies inside, by examples."""

import pytest

from sim.timelines.comparing import compared
from sim.timelines.figures import Quantity


@pytest.mark.parametrize(
    ("side", "measured", "simulated", "inside"),
    [
        ("server", (1000, 1100, 1200), (1304,), True),
        ("server", (1000, 1100, 1200), (1306,), False),
        ("server", (1000, 1100, 1200), (896,), True),
        ("server", (1000, 1100, 1200), (894,), False),
        ("client", (1000, 1100, 1200), (1504,), True),
        ("client", (1000, 1100, 1200), (1506,), False),
        ("server", (1000, 1100, 1200), (0, 1150, 9999), True),
        ("client", (-20, -10, 0), (-260,), True),
        ("client", (-20, -10, 0), (-271,), False),
        ("count", (0, 0, 0), (0, 0, 0), True),
        ("count", (0, 0, 0), (0, 1, 1), False),
        ("count", (3, 5), (1, 1, 1), True),
        ("count", (3, 5), (0, 0, 9), False),
        ("count", (0, 4), (0,), True),
        ("count", (0, 4), (5,), False),
        ("server", (), (1,), False),
        ("server", (1,), (), False),
    ],
)
def test_rule(side: str, measured: tuple[float, ...], simulated: tuple[float, ...], inside: bool) -> None:
    assert compared(Quantity("case", "figure", side, measured, simulated)).inside is inside  # type: ignore[arg-type]


def test_range_has_the_median_in_its_middle_and_none_without_values() -> None:
    case = compared(Quantity("case", "figure", "server", (3.0, 1.0, 2.0, 10.0), ()))
    assert case.measured == (1.0, 2.5, 10.0)
    assert case.simulated is None
