"""What is marked across all panels: faults as shaded spans, reactions of the cluster as thin lines."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes

from sim.view import colours
from sim.view.episodes import Reaction, Span
from sim.view.picture import Picture, rows

__all__ = ["TimeScale", "label_faults", "mark_reactions", "shade_faults"]

FAULT_ROW_IN, FAULT_ROWS = 0.21, 3
REACTION_ROWS = 3
LONGEST_LABEL = 60


@dataclass(frozen=True, slots=True)
class TimeScale:
    """Where the time axis begins and ends on the paper, in inches from the left edge, and how long it is."""

    left_in: float
    right_in: float
    end_s: float

    def inch(self, time_s: float) -> float:
        """Inches from the left edge at so many seconds from the start."""
        return self.left_in + time_s / self.end_s * (self.right_in - self.left_in)

    def second(self, inch: float) -> float:
        """Seconds from the start at so many inches from the left edge."""
        return (inch - self.left_in) / (self.right_in - self.left_in) * self.end_s


def shade_faults(stack: Sequence[Axes], spans: Sequence[Span]) -> None:
    """Shade each fault over its duration in every panel."""
    for axes in stack:
        for span in spans:
            axes.axvspan(span.begin_s, span.end_s, facecolor=colours.FAULT, alpha=0.14, linewidth=0, zorder=0)
            for edge_s in (span.begin_s, *([span.end_s] if span.ended else [])):
                axes.axvline(edge_s, color=colours.FAULT, linewidth=0.8, alpha=0.6, zorder=0)


def label_faults(picture: Picture, spans: Sequence[Span], scale: TimeScale, down_in: float) -> float:
    """Name each fault above its span, in as many rows as needed (three at most); returns how far down they reach."""
    texts = [picture.write(0, 0, span.label[:LONGEST_LABEL], weight="bold", fontsize=11) for span in spans]
    extents = []
    for text, span in zip(texts, spans, strict=True):
        width = picture.width_of(text)
        wanted = (scale.inch(span.begin_s) + scale.inch(span.end_s) - width) / 2
        begin = max(scale.left_in, min(wanted, scale.right_in - width))
        extents.append((begin, begin + width))
    chosen = rows(extents, gap=0.12)
    deep = min(FAULT_ROWS, max(chosen, default=-1) + 1)
    for text, extent, row in zip(texts, extents, chosen, strict=True):
        baseline_in = down_in + (deep - row) * FAULT_ROW_IN - 0.04
        text.set_position((extent[0] / picture.get_figwidth(), 1 - baseline_in / picture.get_figheight()))
        text.set(color=colours.FAULT_TEXT, visible=row < FAULT_ROWS)
    return down_in + deep * FAULT_ROW_IN


def mark_reactions(
    picture: Picture, stack: Sequence[Axes], strip: Axes, reactions: Sequence[Reaction], scale: TimeScale
) -> None:
    """A thin line through every panel, and a few words in the strip below them where there is room."""
    texts = [strip.text(0, 0, f"◂ {reaction.label}", fontsize=8.5, va="center") for reaction in reactions]
    extents = []
    for text, reaction in zip(texts, reactions, strict=True):
        width = picture.width_of(text)
        begin = scale.inch(reaction.time_s) + 0.03
        if begin + width > scale.right_in:
            begin -= width + 0.06
            text.set_text(f"{reaction.label} ▸")
        extents.append((begin, begin + width))
    for axes in (*stack, strip):
        for reaction in reactions:
            axes.axvline(reaction.time_s, color=colours.GREY, linewidth=0.8, linestyle=(0, (1, 1.5)), zorder=0.5)
    strip.set_ylim(REACTION_ROWS - 0.5, -0.5)
    for text, extent, row in zip(texts, extents, rows(extents, gap=0.15), strict=True):
        text.set_position((scale.second(extent[0]), row))
        text.set_visible(row < REACTION_ROWS)
