"""The pictures of a report, each embedded as an image. To add one, name its module of `sim.view` in FIGURES."""

from base64 import b64encode
from html import escape
from importlib import import_module
from io import BytesIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sim.run import Run

__all__ = ["FIGURES", "figures"]

FIGURES = ("throughput_lag", "isr", "ownership", "staircase", "requests", "resources", "topology")
"""Modules of `sim.view` with a `draw(run, path=None) -> Figure`; the first line of their docstring is the caption."""


def figures(run: "Run", most_bytes: int) -> str:
    """HTML of all figures; one that does not go into `most_bytes` with those before it is named instead."""
    told, used = [], 0
    for name in FIGURES:
        module = import_module(f"sim.view.{name}")
        caption = (module.__doc__ or name).split("\n", 1)[0]
        file = BytesIO()
        figure = module.draw(run)
        figure.savefig(file, format="webp", dpi=figure.dpi, pil_kwargs={"lossless": True})
        text = b64encode(file.getvalue()).decode()
        used += len(text)
        width, height = (round(inches * figure.dpi) for inches in figure.get_size_inches())
        image = f'<img src="data:image/webp;base64,{text}" alt="{escape(caption)}" width="{width}" height="{height}">'
        if used > most_bytes:
            used -= len(text)
            image = "<p>Too large for this page: kafkasim draws it as a picture of its own.</p>"
        told.append(f'<figure tabindex="0">{image}<figcaption>{escape(caption)}</figcaption></figure>')
    return "\n".join(told)
