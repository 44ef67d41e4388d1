"""Small multiples are shown by a notebook that has never loaded pyplot."""

from typing import Any

from sim.view.multiples import draw_multiples, draw_one


def line(axes: Any, value: int) -> None:
    axes.plot([0, 1], [0, value])


def test_each_value_has_a_panel_and_a_notebook_shows_them() -> None:
    several, one = draw_multiples("salts", [1, 4, 16, 32, 64], line, "more"), draw_one("salts", 4, line)
    shown = [axes for axes in several.axes if axes.axison]
    assert [axes.get_title() for axes in shown] == [f"salts = {salts}" for salts in (1, 4, 16, 32, 64)]
    assert len({axes.get_ylim() for axes in shown}) == 1
    assert several._repr_png_().startswith(b"\x89PNG")
    assert one._repr_png_().startswith(b"\x89PNG")
