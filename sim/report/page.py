"""The page itself: a template, its style and its script, and what a run puts into them."""

import json
from base64 import b64encode
from hashlib import sha256
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from sim.machine.clock import format_duration
from sim.observe.whole_files import check_path, write_whole
from sim.report.configuration import configuration
from sim.report.figures import figures
from sim.report.html import script_json
from sim.report.replay import replay
from sim.report.sections import claims, story, timeline, verdict
from sim.view.finding import finding

if TYPE_CHECKING:
    from sim.run import Run

__all__ = ["EXAMPLE", "page", "report"]

EXAMPLE = "report.html"

MOST_BYTES = 2_900_000
"""What a page may take, its template aside; pictures have what the rest leaves."""


def page(run: "Run") -> str:
    """The report of a run as HTML. It needs no other file, and its policy forbids to ask for any."""
    script, style = _part("replay.js"), _part("report.css")
    fate, *costs = finding(run).split("; ")
    simulated = format_duration(round(run.simulated_s * 1e9))
    early = ", stopped early" if run.partial else ""
    parts = {
        "script_hash": _hash(script),
        "style_hash": _hash(style),
        "style": style,
        "script": script,
        "name": escape(run.scenario.name),
        "summary": escape(run.scenario.summary),
        "finding": escape(fate),
        "costs": "".join(f"<p class='cost'>{escape(cost)}</p>" for cost in costs),
        "flown": escape(f"seed {run.settings.seed}, {simulated} simulated{early}"),
        "trace": run.journal.sha256()[:16],
        "story": story(run),
        "claims": claims(run),
        "verdict": verdict(run),
        "configuration": configuration(run),
        "timeline": timeline(run),
        "replay": script_json(json.dumps(replay(run), separators=(",", ":"), ensure_ascii=False)),
    }
    room = MOST_BYTES - sum(len(part.encode()) for part in parts.values())
    return Template(_part("report.html")).substitute(parts, figures=figures(run, room))


def report(run: "Run", path: str | Path | None = None) -> str:
    """The page of a run, also written to a path if one is given. Raises ConfigError, one line."""
    text = page(run)
    if path is not None:
        check_path(Path(path), EXAMPLE)
        write_whole(Path(path), text)
    return text


def _hash(text: str) -> str:
    """What a content security policy knows an inline script or style by."""
    return b64encode(sha256(text.encode()).digest()).decode()


def _part(name: str) -> str:
    return files("sim.report").joinpath(name).read_text(encoding="utf-8")
