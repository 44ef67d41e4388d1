"""Which member of each group owned which partition; what nobody owned stays white."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from sim.rules.topics import TopicPartition
from sim.view.gantt import Bar, draw_bars, draw_rows, member_filling, room_for
from sim.view.tenures import Tenure, owned_twice, ownerless, tenures
from sim.view.timeline import sentence, timeline

if TYPE_CHECKING:
    from sim.run import Run

__all__ = ["draw"]

MOST_ROWS, MOST_KEYS = 48, 9
ROW_IN, HEAD_IN = 0.24, 2.8
LONG_S = 1.0

Row = tuple[str, TopicPartition]
Rows = Mapping[Row, Sequence[Tenure]]


def draw(run: "Run", path: Path | None = None) -> Figure:
    """Draw the partitions of each group with their owners over time, and write it to `path` as PNG if one is given.

    Two members that both believe to own a partition share its row. Of many partitions those that moved most are drawn.
    """
    by_row = groupby(tenures(run), key=lambda tenure: (tenure.group_id, tenure.partition))
    rows = {row: list(found) for row, found in by_row}
    shown = [row for row in rows if row in sorted(rows, key=lambda row: -len(rows[row]))[:MOST_ROWS]]
    title = finding(run, rows)
    if len(shown) < len(rows):
        title += f"; shown are the {len(shown)} of {len(rows)} partitions that moved most"
    members = _members(rows)
    keys = [member_filling(index).key(f"{_short(member)} ({group})") for (group, member), index in members.items()]
    keys = keys if len(keys) <= MOST_KEYS and any(members.values()) else []
    labels = [f"{group_id}: {partition}" for group_id, partition in shown]
    left_in = room_for(labels)
    height_in = HEAD_IN + ROW_IN * max(5, len(shown)) + 0.2 * ((len(keys) + 2) // 3)
    frame = timeline(run, title, (1,), height_in, left_in, keys)
    draw_rows(frame.panels[0], labels, [n for n in range(len(shown)) if n == 0 or shown[n][0] != shown[n - 1][0]])
    for number, row in enumerate(shown):
        draw_bars(frame.panels[0], _bars(number, rows[row], members), frame.inches_per_s)
    picture = frame.finish(run, full=True)
    if path is not None:
        picture.save(path)
    return picture


def finding(run: "Run", rows: Rows) -> str:
    """Of each group the longest time that a partition had no owner, and how long one had two."""
    said: list[tuple[float, str]] = []
    for group_id, of_group in groupby(rows, key=lambda row: row[0]):
        names = list(of_group)
        gaps = [(end - begin, begin, name) for name in names for begin, end in ownerless(rows[name], run.simulated_s)]
        longest, begin, row = max(gaps, default=(0.0, 0.0, names[0]), key=lambda gap: gap[0])
        clause = f"{group_id}: every partition had an owner all the time"
        if gaps:
            clause = f"{group_id}: nobody owned {row[1]} for {longest:.1f} s from {begin:.1f} s"
            without = len({name for length, _, name in gaps if length > LONG_S})
            clause += f" ({without} of {len(names)} partitions for more than {LONG_S:g} s)" if without > 1 else ""
        twice = sum(end - begin for name in names for begin, end in owned_twice(rows[name]))
        if twice:
            clause += f", two members owned one for {twice:.1f} s"
        said.append((longest + twice, clause))
    clauses = [clause for _, clause in sorted(said, key=lambda pair: -pair[0])]
    return sentence(clauses) if clauses else "No consumer owned a partition as a member of a group"


def _members(rows: Rows) -> dict[tuple[str, str], int]:
    """A number for each member, counted within its group."""
    members: dict[tuple[str, str], int] = {}
    for group_id in dict.fromkeys(group_id for group_id, _ in rows):
        of_group = {tenure.client_id for row, found in rows.items() if row[0] == group_id for tenure in found}
        members |= {(group_id, client_id): number for number, client_id in enumerate(sorted(of_group))}
    return members


def _bars(number: int, found: Sequence[Tenure], members: Mapping[tuple[str, str], int]) -> list[Bar]:
    bars = []
    for tenure in found:
        overlaps = [t for t in found if t.begin_s < tenure.end_s and tenure.begin_s < t.end_s]
        low, high = 0.09, 0.91
        if len(overlaps) > 1:
            slot = sorted(t.client_id for t in overlaps).index(tenure.client_id) / len(overlaps)
            low, high = 0.09 + 0.82 * slot, 0.09 + 0.82 * (slot + 1 / len(overlaps))
        filling = member_filling(members[tenure.group_id, tenure.client_id])
        bars.append(Bar(number, tenure.begin_s, tenure.end_s, filling, _short(tenure.client_id), low, high))
    return bars


def _short(client_id: str) -> str:
    """`detector-2` of `detector-2-consumer-1`."""
    return client_id.removesuffix("-consumer-1")
