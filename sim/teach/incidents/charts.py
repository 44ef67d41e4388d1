"""Graphs as text: a row of blocks for each line, for a terminal."""

from sim.teach.incidents.readings import Lines

__all__ = ["MOST_LINES", "blocks", "most_telling"]

MOST_LINES = 6
BLOCKS = " ▁▂▃▄▅▆▇█"


def most_telling(lines: Lines) -> Lines:
    """Of many lines those that reach highest, in the order of their labels."""
    peaks = sorted(lines, key=lambda label: -max(value for _, value in lines[label]))
    return {label: lines[label] for label in sorted(peaks[:MOST_LINES])}


def blocks(points: list[tuple[float, float]], end_s: float, top: float, width: int) -> str:
    """A line from 0 s to the end in so many characters, each as high as the highest value of its time."""
    highest: dict[int, float] = {}
    for time_s, value in points:
        column = min(width - 1, int(time_s / max(end_s, 1e-9) * width))
        highest[column] = max(value, highest.get(column, value))
    steps = len(BLOCKS) - 1
    heights = {column: round(steps * max(0.0, value) / top) if top > 0 else 0 for column, value in highest.items()}
    return "".join(BLOCKS[heights[column]] if column in heights else " " for column in range(width))
