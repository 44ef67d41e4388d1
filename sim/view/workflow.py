"""The workflow of a plan as a networkx graph, and where its nodes stand when it is drawn from left to right."""

from statistics import fmean
from textwrap import wrap

import networkx

from sim.world.plan import Plan

__all__ = ["placed", "workflow"]

LINE_CHARACTERS = 24


def workflow(plan: Plan) -> networkx.DiGraph:
    """Stages, topics and stores joined by the plan's edges.

    A node has `kind` ("applications", "topic" or "store"), `members` (names of applications) and `lines` of text to
    stand below its name. What is neither an application nor a topic is a store.
    """
    graph = networkx.DiGraph()
    members: dict[str, list[str]] = {}
    for app in plan.apps:
        members.setdefault(app.stage or app.name, []).append(app.name)
    for name, apps in members.items():
        graph.add_node(name, kind="applications", members=apps, lines=_described(name, apps))
    for topic in plan.topics:
        lines = [_count(topic.partitions, "partition"), _count(topic.replication_factor, "replica") + " each"]
        graph.add_node(topic.name, kind="topic", members=[], lines=lines)
    graph.add_edges_from(plan.stages)
    for name in graph:
        if "kind" not in graph.nodes[name]:
            graph.nodes[name].update(kind="store", members=[], lines=[])
    return graph


def placed(graph: networkx.DiGraph) -> dict[str, tuple[float, float]]:
    """Column and row of each node, in units of one node and row 0 in the middle; columns count from 0."""
    layers = _layers(graph)
    if not layers:
        return {}
    positions = networkx.multipartite_layout(graph, subset_key=layers)
    left = min(float(x) for x, _ in positions.values())
    columns = max(float(x) for x, _ in positions.values()) - left
    tallest = max(layers.values(), key=len)
    unit = columns / (len(layers) - 1) if columns else float(positions[tallest[-1]][1]) * 2 / max(1, len(tallest) - 1)
    return {name: ((float(x) - left) / (unit or 1), -float(y) / (unit or 1)) for name, (x, y) in positions.items()}


def _layers(graph: networkx.DiGraph) -> dict[int, list[str]]:
    """A node stands right of all that feed it, beside its feeders' rows; those of a cycle stand in one layer."""
    whole = networkx.condensation(graph)
    layers: dict[int, list[str]] = {}
    rows: dict[str, float] = {}

    def feeders_row(name: str) -> float:
        return fmean([rows[feeder] for feeder in graph.predecessors(name) if feeder in rows] or [0.0])

    for layer, parts in enumerate(networkx.topological_generations(whole)):
        members = {name for part in parts for name in whole.nodes[part]["members"]}
        layers[layer] = sorted((name for name in graph if name in members), key=feeders_row)
        rows.update({name: row - (len(members) - 1) / 2 for row, name in enumerate(layers[layer])})
    return layers


def _described(stage: str, apps: list[str]) -> list[str]:
    if apps == [stage]:
        return []
    if len(apps) > 6:
        apps = [apps[0], apps[1], "…", f"{apps[-1]} ({len(apps)})"]
    return wrap(", ".join(apps), LINE_CHARACTERS)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
