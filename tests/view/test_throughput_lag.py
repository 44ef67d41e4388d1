import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text

from sim.rules.facts.journal import BrokerFenced
from sim.run import Run
from sim.view import colours
from sim.view.throughput_lag import draw
from sim.world.plan import GroupSpec, Plan
from sim.world.topics import Topic
from tests.view.flown import flown
from tests.view.made import SECOND, fault, gauges, made_run

PANELS = ["throughput", "consumer lag", "consumer lag", "latency, p95", "partitions", "reactions"]
UNITS = ["(records/s)", "(records)", "(s)", "(ms)"]


@cache
def picture() -> Figure:
    return draw(flown())


def spans(axes: Axes) -> list[tuple[float, float]]:
    """From where to where faults are shaded, in data units."""
    found = []
    for patch in axes.patches:
        if to_rgb(patch.get_facecolor()) == to_rgb(colours.FAULT):
            box = patch.get_window_extent().transformed(axes.transData.inverted())
            found.append((round(box.x0, 3), round(box.x1, 3)))
    return found


def words(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text) if text.get_visible()]


def is_whole(figure: Figure) -> bool:
    """Whether all that is drawn lies on the canvas."""
    drawn, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    return bool(drawn.x0 >= 0 and drawn.y0 >= 0 and drawn.x1 <= width and drawn.y1 <= height)


def test_every_axis_is_named_with_its_unit() -> None:
    labels = [axes.get_ylabel().split("\n") for axes in picture().axes]
    assert [label[0] for label in labels] == PANELS
    assert [label[1] for label in labels[:4]] == UNITS
    assert picture().axes[-1].get_xlabel() == "simulated time from the start (s)"


def test_faults_are_shaded_in_every_panel_where_they_were_and_named() -> None:
    for axes in picture().axes:
        assert spans(axes) == [(12.0, 18.0), (24.0, 36.0)]
    assert {"broker 2 down", "detector-2 down"} <= set(words(picture()))


def test_a_fault_that_never_ends_is_shaded_to_the_end() -> None:
    figure = draw(made_run(facts=fault("broker 2", 40)))
    assert spans(figure.axes[0]) == [(40.0, 100.0)]


def test_reactions_are_marked_in_every_panel_when_they_came() -> None:
    figure = draw(made_run(facts=[(33 * SECOND, BrokerFenced(2))]))
    assert [line.get_xdata()[0] for axes in figure.axes for line in axes.lines[-1:]] == [33.0] * 6  # type: ignore[index]
    assert "◂ broker 2 fenced" in words(figure)


def test_head_and_panels_do_not_overlap_and_nothing_leaves_the_canvas() -> None:
    figure = picture()
    figure.draw_without_rendering()
    heads = [text.get_window_extent() for text in figure.texts] + [figure.legends[0].get_window_extent()]
    panels = [axes.get_window_extent() for axes in figure.axes]
    assert not any(head.overlaps(panel) for head in heads for panel in panels)
    assert not any(one.overlaps(two) for n, one in enumerate(heads) for two in heads[:n])
    assert is_whole(figure)


def test_the_head_tells_the_finding_and_where_it_comes_from() -> None:
    texts = [text.get_text() for text in picture().texts]
    assert "orders, none lost" in texts[0]
    assert texts[1].startswith("broker 2 down: ")
    assert "test-story, seed 3, 4" in " ".join(texts)


def test_lines_show_what_the_metrics_say() -> None:
    run = flown()
    times, values = run.metrics.series("records-lag", group="fraud")
    line = picture().axes[1].lines[0]
    assert list(line.get_xdata()) == times  # type: ignore[arg-type]
    assert max(line.get_ydata()) == max(values)  # type: ignore[arg-type, type-var]


def test_a_burst_is_cut_and_its_height_written() -> None:
    produced = gauges("MessagesInPerSec", {50: 4053}, usual=450, topic="payments", broker="1")
    figure = draw(made_run(produced))
    assert figure.axes[0].get_ylim()[1] < 1000
    assert "up to 4,053" in words(figure)


def crowded() -> Run:
    topics = tuple(Topic(f"a-topic-with-quite-a-long-name-{'x' * n}") for n in range(20))
    groups = tuple(GroupSpec(f"group-{n}", (topics[n].name,)) for n in range(20))
    facts = [pair for n in range(12) for pair in fault(f"some broker with a name {n}", 8 * n, 8 * n + 3)]
    facts += [(n * 4 * SECOND, BrokerFenced(n)) for n in range(25)]
    return made_run(facts=facts, plan=Plan(duration=SECOND, topics=topics, groups=groups))


EMPTY = Plan(duration=SECOND)


@pytest.mark.parametrize(
    "run", [crowded(), made_run(plan=EMPTY), made_run(plan=EMPTY, simulated_s=0.0), made_run(simulated_s=90_000.0)]
)
def test_any_run_is_drawn_within_the_canvas(run: Run) -> None:
    figure = draw(run)
    assert is_whole(figure)
    assert min(axes.get_window_extent().height for axes in figure.axes) > 15
    assert len(figure.axes[-1].get_xticks()) < 14


def test_the_png_is_whole_and_alone(tmp_path: Path) -> None:
    draw(made_run(), tmp_path / "plot.png")
    assert [path.name for path in tmp_path.iterdir()] == ["plot.png"]
    data = (tmp_path / "plot.png").read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert int.from_bytes(data[16:20], "big") == 1210


def test_matplotlib_comes_late_and_pyplot_never() -> None:
    code = (
        "import sys, sim.run; print('matplotlib' in sys.modules); "
        "import sim.view.throughput_lag, sim.view.topology; print('matplotlib.pyplot' in sys.modules)"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).split() == ["False", "False"]
