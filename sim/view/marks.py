"""What is marked across all panels: faults as shaded spans, reactions of the cluster as thin lines."""

from collections.abc import Callable, Sequence

from matplotlib.axes import Axes

from sim.view import colours
from sim.view.episodes import Reaction, Span
from sim.view.picture import Picture, rows

__all__ = ["label_faults", "mark_reactions", "shade_faults"]

FAULT_ROW_IN, FAULT_ROWS = 0.21, 3
REACTION_ROWS = 3


def shade_faults(stack: Sequence[Axes], spans: Sequence[Span]) -> None:
    """Shade each fault over its duration in every panel."""
    for axes in stack:
        for span in spans:
            axes.axvspan(span.begin_s, span.end_s, facecolor=colours.FAULT, alpha=0.14, linewidth=0, zorder=0)
            for edge_s in (span.begin_s, *([span.end_s] if span.ended else [])):
                axes.axvline(edge_s, color=colours.FAULT, linewidth=0.8, alpha=0.6, zorder=0)


def label_faults(
    picture: Picture,
    spans: Sequence[Span],
    down_in: float,
    limits_in: tuple[float, float],
    inch: Callable[[float], float],
) -> float:
    """Name each fault above its span, in as many rows as needed (three at most); returns how far down they reach.

    `inch` turns seconds from the start into inches from the left edge, `limits_in` is where text may stand.
    """
    texts = [picture.write(0, 0, span.label, color=colours.FAULT_TEXT, weight="bold", fontsize=11) for span in spans]
    extents = []
    for text, span in zip(texts, spans, strict=True):
        width = picture.width_of(text)
        wanted = (inch(span.begin_s) + inch(span.end_s) - width) / 2
        begin = max(limits_in[0], min(wanted, limits_in[1] - width))
        extents.append((begin, begin + width))
    chosen = rows(extents, gap=0.12)
    deep = min(FAULT_ROWS, max(chosen, default=-1) + 1)
    for text, extent, row in zip(texts, extents, chosen, strict=True):
        text.set_visible(row < FAULT_ROWS)
        baseline_in = down_in + (deep - row) * FAULT_ROW_IN - 0.04
        text.set_position((extent[0] / picture.get_figwidth(), 1 - baseline_in / picture.get_figheight()))
    return down_in + deep * FAULT_ROW_IN


def mark_reactions(
    picture: Picture,
    stack: Sequence[Axes],
    strip: Axes,
    reactions: Sequence[Reaction],
    limits_in: tuple[float, float],
    inch: Callable[[float], float],
) -> None:
    """A thin line through every panel, and a few words in the strip below them where there is room."""
    texts = [strip.text(0, 0, f"◂ {reaction.label}", fontsize=8.5, va="center") for reaction in reactions]
    extents = []
    for text, reaction in zip(texts, reactions, strict=True):
        width = picture.width_of(text)
        begin = inch(reaction.time_s) + 0.03
        if begin + width > limits_in[1]:
            begin -= width + 0.06
            text.set_text(f"{reaction.label} ▸")
        extents.append((begin, begin + width))
    chosen = rows(extents, gap=0.15)
    for axes in (*stack, strip):
        for reaction in reactions:
            axes.axvline(reaction.time_s, color=colours.GREY, linewidth=0.8, linestyle=(0, (1, 1.5)), zorder=0.5)
    strip.set_ylim(REACTION_ROWS - 0.5, -0.5)
    per_s = inch(1.0) - inch(0.0)
    for text, extent, row in zip(texts, extents, chosen, strict=True):
        text.set_position(((extent[0] - inch(0.0)) / per_s, row))
        text.set_visible(row < REACTION_ROWS)
