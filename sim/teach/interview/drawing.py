"""The figure of a question, drawn from its runs."""

from io import BytesIO
from pathlib import Path
from typing import Any

from sim.teach.interview.answering import Answered

__all__ = ["caption", "draw", "png"]


def draw(answered: Answered, path: Path | None = None) -> Any:
    """The matplotlib figure: curves of the runs, or a view of one of them; written to `path` as PNG if given."""
    wanted, runs = answered.question.picture, answered.runs
    if wanted.curves is not None:
        from sim.view import lines

        return lines.draw(wanted.curves(runs), caption(answered).rstrip("."), wanted.x, wanted.y, path)
    return runs[wanted.flight or next(iter(runs))].plot(path, wanted.view)


def caption(answered: Answered) -> str:
    """What the figure shows, in a sentence with computed numbers."""
    title = answered.question.picture.title
    return answered.proof.says if title is None else title(answered.runs)


def png(answered: Answered) -> bytes:
    """The figure as the bytes of a PNG, the same for the same runs."""
    figure, file = draw(answered), BytesIO()
    figure.savefig(file, format="png", dpi=figure.dpi, metadata={"Software": None})
    return file.getvalue()
