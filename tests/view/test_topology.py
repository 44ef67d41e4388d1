from itertools import combinations
from pathlib import Path

import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from sim.view import colours
from sim.view.topology import draw
from sim.view.workflow import placed, workflow
from sim.world.cluster import ClusterSpec
from sim.world.faults import AppCrash, BrokerCrash
from sim.world.plan import AppSpec, Plan
from sim.world.settings import Settings
from sim.world.topics import Topic
from tests.view import flown
from tests.view.test_throughput_lag import is_whole, words

PLAN = flown.plan(Settings())
BEHAVIOUR = flown.gateway


def boxes(figure: Figure) -> dict[str, FancyBboxPatch]:
    """The box around each text that stands in the middle of one; the innermost if there are several."""
    found: dict[str, FancyBboxPatch] = {}
    for patch in figure.axes[0].patches:
        if isinstance(patch, FancyBboxPatch):
            inside = [t for t in figure.axes[0].texts if patch.get_window_extent().contains(*t.get_window_extent().p0)]
            found.update({text.get_text(): patch for text in inside})
    return found


def test_stages_topics_and_stores_are_nodes_of_their_kind() -> None:
    graph = workflow(PLAN)
    kinds = {name: graph.nodes[name]["kind"] for name in graph}
    assert kinds == {
        "gateways": "applications",
        "detectors": "applications",
        "loader": "applications",
        "orders": "topic",
        "warehouse.duckdb": "store",
    }
    assert graph.nodes["detectors"]["members"] == ["detector-1", "detector-2"]
    assert graph.nodes["orders"]["lines"] == ["4 partitions", "3 replicas each"]
    assert set(graph.edges) == set(PLAN.stages)


def test_what_feeds_a_node_stands_left_of_it() -> None:
    places = placed(workflow(PLAN))
    assert all(places[one][0] < places[two][0] for one, two in PLAN.stages)
    assert len(set(places.values())) == len(places)
    assert places["detectors"] == (2.0, 0.5)
    assert places["loader"] == (2.0, -0.5)


def test_branches_that_go_on_side_by_side_do_not_cross() -> None:
    stages = (("a", "z"), ("a", "y"), ("z", "q"), ("y", "p"))
    places = placed(workflow(Plan(duration=1, stages=stages)))
    assert (places["z"][1] > places["y"][1]) == (places["q"][1] > places["p"][1])


@pytest.mark.parametrize("stages", [(), (("a", "b"), ("b", "a")), (("a", "a"),)])
def test_odd_workflows_are_placed_too(stages: tuple[tuple[str, str], ...]) -> None:
    plan = Plan(duration=1, apps=(AppSpec("a", BEHAVIOUR), AppSpec("b", BEHAVIOUR)), stages=stages)
    places = placed(workflow(plan))
    assert set(places) == {"a", "b"}
    assert places["a"] != places["b"]
    assert is_whole(draw(plan))


def test_the_picture_names_everything_and_nothing_leaves_it() -> None:
    figure = draw(PLAN)
    named = {"gateways", "orders", "detectors", "loader", "warehouse.duckdb", "broker 1", "broker 3", "rack 2"}
    assert named <= set(words(figure))
    assert "fault: broker 2 crashes at 12 s, until 18 s" in words(figure)
    assert is_whole(figure)


def test_what_a_fault_breaks_is_outlined() -> None:
    found = boxes(draw(PLAN))
    outlined = {name for name, box in found.items() if to_hex(box.get_edgecolor()) == colours.FAULT.lower()}
    assert outlined == {"broker 2", "detectors", "detector-1, detector-2"}


def test_no_two_boxes_of_the_workflow_overlap() -> None:
    found = boxes(draw(PLAN))
    names = ["gateways", "orders", "detectors", "loader", "warehouse.duckdb", "broker 1", "broker 2", "broker 3"]
    extents = [found[name].get_window_extent() for name in names]
    assert not any(one.overlaps(two) for one, two in combinations(extents, 2))


def test_large_things_are_summed_up() -> None:
    plan = Plan(
        duration=1,
        cluster=ClusterSpec(brokers=100, racks=5),
        apps=tuple(AppSpec(f"detector-{n}", BEHAVIOUR, "detectors") for n in range(40)),
        topics=(Topic("t"),),
        faults=(BrokerCrash(broker=1, at="1s"), AppCrash(app="detector-3", at="2s")),
    )
    figure = draw(plan)
    assert "the cluster: 100 brokers in 5 racks" in words(figure)
    assert "detector-0, detector-1,\n…, detector-39 (40)" in words(figure)
    assert is_whole(figure)


def test_a_run_is_drawn_with_its_name_and_written(tmp_path: Path) -> None:
    figure = draw(flown.flown(), tmp_path / "workflow.png")
    assert {"Workflow of test-story", "4 applications, 4 partitions, 3 brokers"} <= set(words(figure))
    assert (tmp_path / "workflow.png").read_bytes()[:4] == b"\x89PNG"
