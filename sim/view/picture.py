"""A figure measured in inches, without pyplot: no global state, so notebooks and threads may draw side by side."""

from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import Any

from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

__all__ = ["Picture", "rows"]


class Picture(Figure):
    """A figure on its own Agg canvas, which a notebook shows by itself."""

    def __init__(self, width_in: float, height_in: float, dots_per_in: float = 110) -> None:
        super().__init__(figsize=(width_in, height_in), dpi=dots_per_in, facecolor="white")
        FigureCanvasAgg(self)

    def write(self, x_in: float, down_in: float, text: str, **style: Any) -> Text:
        """Put text at so many inches from the left and from the top edge."""
        return self.text(x_in / self.get_figwidth(), 1 - down_in / self.get_figheight(), text, **style)

    def width_of(self, artist: Artist) -> float:
        """How wide a text or a legend is drawn, in inches."""
        return float(artist.get_window_extent().width / self.dpi)

    def height_of(self, artist: Artist) -> float:
        """How high a text or a legend is drawn, in inches."""
        return float(artist.get_window_extent().height / self.dpi)

    def save(self, path: Path) -> None:
        """Write a PNG: the whole file or none."""
        unfinished = path.with_name(path.name + ".part")
        unfinished.write_bytes(self._repr_png_())
        unfinished.replace(path)

    def _repr_png_(self) -> bytes:
        """What a notebook shows."""
        png = BytesIO()
        self.savefig(png, format="png", dpi=self.dpi, metadata={"Software": None})
        return png.getvalue()


def rows(extents: Iterable[tuple[float, float]], gap: float) -> list[int]:
    """A row for each label (from, to), in order, so that no two in one row come closer than `gap`."""
    ends: list[float] = []
    chosen: list[int] = []
    for begin, end in extents:
        row = next((row for row, taken in enumerate(ends) if taken + gap <= begin), len(ends))
        ends[row:] = [end, *ends[row + 1 :]]
        chosen.append(row)
    return chosen
