"""Leadership and in-sync replicas by broker: a row for each replica of each partition."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from sim.rules.config import topic_config_from
from sim.rules.topics import TopicPartition
from sim.view import colours
from sim.view.gantt import Bar, Filling, draw_bars, draw_rows, room_for
from sim.view.replicas import Interval, Reign, brokers_away, brokers_down, intersection_s, joined, reigns
from sim.view.timeline import timeline

if TYPE_CHECKING:
    from sim.run import Run

__all__ = ["DOWN", "IN_SYNC", "LEADER", "OUT_OF_SYNC", "draw"]

LEADER = Filling("#00527F", "", "#00527F")
IN_SYNC = Filling("#A9D3EC", "", "#A9D3EC")
OUT_OF_SYNC = Filling("white", "////", colours.VERMILLION)
DOWN = Filling(colours.BLACK, "", "white")
KEYS = ((LEADER, "leader"), (IN_SYNC, "in sync"), (OUT_OF_SYNC, "out of sync"), (DOWN, "its broker is down"))

MOST_ROWS = 42
ROW_IN, HEAD_IN = 0.19, 2.7

Histories = Mapping[TopicPartition, Sequence[Reign]]


def draw(run: "Run", path: Path | None = None) -> Figure:
    """Draw who led and who was in sync, as the controller had it, and write it to `path` as PNG if one is given.

    A dead leader is still one until the controller knows. Of many partitions those with most changes are drawn.
    """
    histories = {name: reigns(run, name) for name in run.flight.cluster.partitions()}
    down = brokers_down(run)
    shown = _most_eventful(histories)
    rows = [(name, broker) for name in shown for broker in _replicas(histories[name])]
    keys = [filling.key(label) for filling, label in KEYS]
    title = finding(run, histories)
    if len(shown) < len(histories):
        title += f"; shown are the {len(shown)} of {len(histories)} partitions with most changes"
    labels = [f"{name} broker {broker}" for name, broker in rows]
    frame = timeline(run, title, (1,), HEAD_IN + ROW_IN * max(6, len(rows)), room_for(labels), keys)
    first_rows = [row for row, (name, _) in enumerate(rows) if row == 0 or rows[row - 1][0] != name]
    draw_rows(frame.panels[0], labels, first_rows)
    for row, (name, broker) in enumerate(rows):
        draw_bars(frame.panels[0], _bars(row, broker, histories[name], down[broker]), frame.inches_per_s)
    picture = frame.finish(run, full=True)
    if path is not None:
        picture.save(path)
    return picture


def finding(run: "Run", histories: Histories) -> str:
    """The longest time without a leader that serves, the smallest ISR, and the time below min.insync.replicas."""
    away = brokers_away(run)
    headless = {name: _headless(history, away) for name, history in histories.items()}
    gaps = [(end - begin, begin, name) for name, found in headless.items() for begin, end in found]
    smallest = min((len(reign.isr) for history in histories.values() for reign in history), default=0)
    thin = [_out_of_sync(history) for history in histories.values()]
    if gaps:
        longest, begin, name = max(gaps, key=lambda gap: gap[0])
        several = sum(bool(found) for found in headless.values())
        said = [f"{name} had no working leader for {longest:.1f} s from {begin:.1f} s"]
        said += [f"{several} of {len(histories)} partitions were without one at some time"] if several > 1 else []
    else:
        said = ["Every partition had a leader whose broker ran, all the time"]
    if any(thin):
        longest_thin = max(sum(end - begin for begin, end in found) for found in thin)
        said.append(f"replicas out of sync for up to {longest_thin:.1f} s, the smallest ISR had {smallest}")
    else:
        said.append("all replicas were in sync all the time")
    short = {name: _below_minimum(run, name, history) for name, history in histories.items()}
    if any(short.values()):
        thinnest = max(short, key=lambda name: short[name])
        said.append(f"{thinnest} below min.insync.replicas for {short[thinnest]:.1f} s")
    return "; ".join(said)


def _bars(row: int, broker: int, history: Sequence[Reign], down: Sequence[Interval]) -> list[Bar]:
    bars: list[Bar] = []
    for reign in history:
        if broker not in reign.replicas:
            continue
        filling = LEADER if reign.leader == broker else IN_SYNC if broker in reign.isr else OUT_OF_SYNC
        if bars and bars[-1].filling is filling and bars[-1].end_s == reign.begin_s:
            bars.append(bars.pop()._replace(end_s=reign.end_s))
        else:
            bars.append(Bar(row, reign.begin_s, reign.end_s, filling))
    present = joined((bar.begin_s, bar.end_s) for bar in bars)
    dead = [part for whole in present for part in intersection_s(whole, down)]
    return bars + [Bar(row, begin, end, DOWN, low=0.36, high=0.64) for begin, end in dead]


def _replicas(history: Sequence[Reign]) -> list[int]:
    return sorted({broker for reign in history for broker in reign.replicas})


def _most_eventful(histories: Histories) -> list[TopicPartition]:
    """As many partitions as there is room for, those with most changes, in their own order."""
    chosen: set[TopicPartition] = set()
    rows = 0
    for name in sorted(histories, key=lambda name: -len(histories[name])):
        rows += len(_replicas(histories[name]))
        if rows > MOST_ROWS and chosen:
            break
        chosen.add(name)
    return [name for name in histories if name in chosen]


def _headless(history: Sequence[Reign], away: Mapping[int, Sequence[Interval]]) -> list[Interval]:
    gaps: list[Interval] = []
    for reign in history:
        whole = reign.begin_s, reign.end_s
        gaps += [whole] if reign.leader < 0 else intersection_s(whole, away.get(reign.leader, ()))
    return joined(gaps)


def _out_of_sync(history: Sequence[Reign]) -> list[Interval]:
    return joined((reign.begin_s, reign.end_s) for reign in history if len(reign.isr) < len(reign.replicas))


def _below_minimum(run: "Run", name: TopicPartition, history: Sequence[Reign]) -> float:
    topic = run.flight.cluster.topics.get(name.topic)
    minimum = 1 if topic is None else topic_config_from(run.flight.cluster.config, topic.config).min_insync_replicas
    return sum(reign.end_s - reign.begin_s for reign in history if len(reign.isr) < minimum)
