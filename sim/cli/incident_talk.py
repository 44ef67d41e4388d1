"""The talk in the incident room: a prompt, commands, graphs as rows of blocks."""

from collections.abc import Mapping
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from sim.cli.options import read_pairs
from sim.machine.hardware import nearest
from sim.rules.errors import ConfigError
from sim.run import prepare_folder
from sim.teach.incidents import Room
from sim.teach.incidents.causes import CAUSES
from sim.teach.incidents.charts import blocks, most_telling
from sim.teach.incidents.debrief import Debrief
from sim.teach.incidents.fixes import FORMS
from sim.teach.incidents.gauges import GAUGES
from sim.teach.incidents.readings import Lines

__all__ = ["Talk"]

HELP: Mapping[str, str] = {
    "graph METRIC": "how it has been up to now; a look takes 2 s",
    "list": "the metrics, the names there are, the causes, the forms of a fix",
    "wait 10s": "let time pass",
    "hint": "a lead, for 5 points",
    "diagnose CAUSE [SUBJECT]": "what is the matter, and with whom; the last one counts",
    "fix KEY=VALUE ...": "change something now; the run goes on with it",
    "done": "end with the debrief",
    "give-up": "the same",
}
NEEDS = {"graph": "records-lag", "diagnose": "slow-disk broker-2", "fix": "max.poll.records=100"}
"""Commands that need a word after them, and one."""
VERBS = ("graph", "list", "wait", "hint", "diagnose", "fix", "done", "give-up", "help")


class Talk:
    """One room and a terminal; with a folder, each graph is left there as a PNG, too."""

    def __init__(self, room: Room, console: Console, folder: Path | None = None) -> None:
        self._room, self._console, self._folder = room, console, folder

    def begin(self, first: bool = True) -> None:
        """The page, and what can be done."""
        self._say(f"{self._room.incident.title}. {self._room.page}")
        if first:
            self._say(f"The run ends at {self._room.end_s:.0f} s. Type help for what you can do.")

    def go_on(self, is_terminal: bool) -> None:
        """Ask for the next command until all is over; an end of input ends it as well."""
        while not self._room.over:
            prompt = f"{self._room.now_s:.0f} s"
            try:
                line = click.prompt(prompt, default="", show_default=False, prompt_suffix="> ")
            except click.Abort:
                line = "done"
            if not is_terminal:
                self._say("")
            try:
                self._do(line.strip())
            except ConfigError as error:
                self._say(str(error))

    def ask(self, name: str) -> dict[str, object]:
        """One graph, shown as rows of blocks; returns its values."""
        lines = self._room.series(name)
        known, now_s = self._room.asked[-1], self._room.now_s
        gauge, shown = GAUGES[known], most_telling(lines)
        left_out = f"; {len(lines) - len(shown)} lower lines left out" if len(lines) > len(shown) else ""
        top = max((value for points in shown.values() for _, value in points), default=0.0)
        self._say(f"{known} ({gauge.unit}), {gauge.told}; 0 s to {now_s:.0f} s, up to {top:,.4g}{left_out}")
        table = Table(box=None, show_header=False, pad_edge=False)
        width = max(20, min(60, self._console.width - 46))
        for label, points in shown.items():
            table.add_row(label, blocks(points, now_s, top, width), f"now {points[-1][1]:,.4g}")
        self._console.print(table if shown else "nothing so far")
        if self._folder is not None:
            self._draw(self._folder, known, lines)
        return {"metric": known, "unit": gauge.unit, "lines": dict(lines)}

    def tell(self, debrief: Debrief) -> None:
        """The end."""
        for sentence in debrief.sentences():
            self._say(sentence)

    def _do(self, line: str) -> None:
        verb, _, rest = line.partition(" ")
        words = rest.split()
        if verb not in VERBS:
            if verb:
                raise ConfigError(f"unknown command {verb!r}{nearest(verb, VERBS)}; help shows all")
        elif verb in NEEDS and not words:
            raise ConfigError(f"{verb} what? For instance: {verb} {NEEDS[verb]}; list shows all")
        elif verb == "graph":
            for name in words:
                self.ask(name)
        elif verb == "wait":
            self._room.wait(rest or "10s")
        elif verb == "hint":
            self._say(self._room.hint())
        elif verb == "diagnose":
            self._room.diagnose(words[0], "-".join(words[1:]))
        elif verb == "fix":
            self._room.fix(read_pairs(words, "fix", NEEDS["fix"]))
            self._say("It is done; look whether it helps.")
        elif verb in ("done", "give-up"):
            self.tell(self._room.debrief())
        else:
            self._lists(verb == "help")

    def _lists(self, only_help: bool) -> None:
        names = {kind: ", ".join(known) for kind, known in self._room.names().items()}
        told = {f"{name} ({gauge.unit})": gauge.told for name, gauge in GAUGES.items()}
        everything: Mapping[str, Mapping[str, str]] = {"Metric": told, "Name": names, "Cause": CAUSES, "Fix": FORMS}
        for title, rows in {"Command": HELP}.items() if only_help else everything.items():
            table = Table(title, "", title_justify="left")
            for left, right in rows.items():
                table.add_row(left, right)
            self._console.print(table)

    def _draw(self, folder: Path, name: str, lines: Lines) -> None:
        from sim.teach.incidents.drawing import draw

        prepare_folder(folder)
        path = folder / f"{name}.png"
        draw({name: lines}, self._room.now_s, self._room.incident.title).save(path)
        self._say(f"{path} is drawn.")

    def _say(self, text: str) -> None:
        self._console.print(text, markup=False)
