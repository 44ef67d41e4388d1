"""Curves of one quantity: axes, ticks, names, and the same picture each time."""

from pathlib import Path

from sim.view.lines import draw

CURVE = {"rate": [(1.0, 500.0), (2.0, 970.0), (6.0, 2586.0)]}


def test_it_names_its_axes_and_states_its_title() -> None:
    (axes,) = (figure := draw(CURVE, "the knee is at 6", "consumers", "records per second")).axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("consumers", "records per second")
    assert [text.get_text() for text in figure.texts] == ["the knee is at 6"]
    assert axes.get_ylim()[0] == 0
    assert axes.get_legend() is None
    assert list(axes.get_xticks()) == [1, 2, 6]


def test_values_of_all_sizes_stand_on_a_log_scale() -> None:
    (axes,) = draw({"a": [(10, 1), (100, 2), (10_000, 3)], "b": []}, "t", "x", "y").axes
    assert axes.get_xscale() == "log"
    assert axes.get_legend() is not None


def test_the_file_is_the_same_each_time(tmp_path: Path) -> None:
    for name in ("one.png", "other.png"):
        draw(CURVE, "t", "x", "y", tmp_path / name)
    one, other = ((tmp_path / name).read_bytes() for name in ("one.png", "other.png"))
    assert one == other
    assert one.startswith(b"\x89PNG")
