"""Every view has a name, draws any run, and says what it has found."""

from pathlib import Path

import pytest

from sim.rules.errors import ConfigError
from sim.scenario import Scenario
from sim.view.catalogue import VIEWS, draw_view, known_view
from sim.world.plan import Plan
from tests.view.flown import flown
from tests.view.test_throughput_lag import is_whole


@pytest.mark.parametrize("name", VIEWS)
def test_every_view_is_drawn_within_its_canvas_with_a_title(name: str, tmp_path: Path) -> None:
    figure = flown().plot(tmp_path / "view.png", name, at_s=None, partition=None)
    assert (tmp_path / "view.png").read_bytes()[:4] == b"\x89PNG"
    assert is_whole(figure)
    assert any(text.get_text() for text in [*figure.texts, *figure.axes[0].texts])


@pytest.mark.parametrize("name", [name for name in VIEWS if name not in ("staircase", "sequence")])
def test_a_run_without_anything_is_drawn_too(name: str) -> None:
    empty = Scenario("empty", "", "", lambda _: Plan(duration=2_000_000_000)).run(recorded=True)
    assert is_whole(empty.plot(what=name))


@pytest.mark.parametrize("name", ["staircase", "sequence"])
def test_where_there_is_nothing_to_choose_from_one_line_tells_it(name: str) -> None:
    empty = Scenario("empty", "", "", lambda _: Plan(duration=1_000_000)).run(recorded=True)
    empty.recorded().requests.clear()
    with pytest.raises(ConfigError, match=r"^empty: no .* to draw$"):
        empty.plot(what=name)


def test_an_unknown_view_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="unknown view 'ownrship', did you mean 'ownership'"):
        known_view("ownrship")
    with pytest.raises(ConfigError, match="unknown view 'x'; there are overview, "):
        draw_view(flown(), "x")


def test_a_view_in_place_of_a_file_is_told(tmp_path: Path) -> None:
    run = flown()
    with pytest.raises(ConfigError, match=r"write plot\(what='lag'\)"):
        run.plot("lag")
    run.plot(str(tmp_path / "lag.png"), what="lag")
    assert (tmp_path / "lag.png").is_file()
