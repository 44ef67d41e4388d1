"""`kafkasim incident`: the blind incident room in a terminal, question by question or with options only."""

import json
import sys
from io import StringIO
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from sim.cli.incident_talk import Talk
from sim.cli.options import read_duration, read_pairs
from sim.machine.clock import SECOND
from sim.rules.errors import ConfigError
from sim.teach.incidents import INCIDENTS, Room, open_room
from sim.teach.incidents.causes import CAUSES, check_cause
from sim.teach.incidents.fixes import FORMS
from sim.teach.incidents.gauges import GAUGES, known_gauge

__all__ = ["incident"]


@click.command("incident")
@click.argument("incident_id", metavar="[ID]", required=False)
@click.option("--seed", type=int, help="Which variant.  [default: 0]")
@click.option("--student", metavar="NAME", help="A variant of one's own for each name, instead of a seed.")
@click.option("--ask", "asked", multiple=True, metavar="METRIC", help="A graph, such as records-lag; may be repeated.")
@click.option("--at", metavar="TIME", help="When it is diagnosed and fixed, such as 60s.  [default: after the graphs]")
@click.option("--diagnose", "diagnosis", metavar="CAUSE[:SUBJECT]", help="What is the matter, and with whom.")
@click.option("--fix", "pairs", multiple=True, metavar="KEY=VALUE", help="What is changed then; may be repeated.")
@click.option("--out", metavar="DIR", help="Leave each graph as a PNG in this folder, too.")
@click.option("--list", "listing", is_flag=True, help="List incidents, metrics, causes and forms of fixes.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
def incident(
    incident_id: str | None,
    seed: int | None,
    student: str | None,
    asked: tuple[str, ...],
    at: str | None,
    diagnosis: str | None,
    pairs: tuple[str, ...],
    out: str | None,
    listing: bool,
    as_json: bool,
) -> None:
    """Somebody is paged: find out from metrics alone what is the matter with ID, and fix it.

    Without options it asks you what to do next; with --ask, --diagnose or --fix it does that and ends with the
    debrief. Without ID the incidents are listed.
    """
    if listing or incident_id is None:
        show_list(listing, as_json)
        return
    if seed is not None and student is not None:
        raise ConfigError("--seed and --student both choose the variant; give one of them")
    folder = None if out is None else Path(out)
    for name in asked:
        known_gauge(name)
    if diagnosis is not None:
        check_cause(diagnosis.partition(":")[0])
    fix = read_pairs(pairs, "--fix")
    with Console(stderr=True).status(f"{incident_id}: the cluster is flown"):
        room = open_room(incident_id, student or "", seed or 0)
    if asked or diagnosis or pairs or at or as_json:
        written = StringIO()
        talk = Talk(room, Console(file=written, highlight=False, width=Console().width), folder)
        talk.begin(first=False)
        graphs = [talk.ask(name) for name in asked]
        act(room, at, diagnosis, fix)
        debrief = room.debrief()
        talk.tell(debrief)
        shown = {"incident": incident_id, "seed": room.seed, "page": room.page, "graphs": graphs, "now_s": room.now_s}
        text = json.dumps({**shown, "debrief": debrief.as_json()}) if as_json else written.getvalue()
        click.echo(text, nl=as_json)
        return
    talk = Talk(room, Console(highlight=False), folder)
    talk.begin()
    talk.go_on(sys.stdin.isatty())


def act(room: Room, at: str | None, diagnosis: str | None, fix: dict[str, object]) -> None:
    """Wait, say, change. Raises ConfigError, one line."""
    if at is not None:
        time_s = read_duration("--at", at) / SECOND
        if not room.now_s <= time_s < room.end_s:
            raise ConfigError(f"--at {at}: it is {room.now_s:.0f} s by then, and all ends at {room.end_s:.0f} s")
        room.wait(f"{round((time_s - room.now_s) * 1000)}ms")
    if diagnosis is not None:
        cause, _, subject = diagnosis.partition(":")
        room.diagnose(cause, subject)
    if fix:
        room.fix(fix)


def show_list(everything: bool, as_json: bool) -> None:
    """The incidents by their pages' titles; and what may be asked, said and done."""
    if as_json:
        titles = {known.incident_id: known.title for known in INCIDENTS.values()}
        more = {"metrics": {name: gauge.told for name, gauge in GAUGES.items()}, "causes": CAUSES, "fixes": FORMS}
        click.echo(json.dumps({"incidents": titles, **{name: dict(values) for name, values in more.items()}}))
        return
    console = Console(highlight=False)
    tables = {"Incident": {known.incident_id: known.title for known in INCIDENTS.values()}}
    if everything:
        told = {f"{name} ({gauge.unit})": gauge.told for name, gauge in GAUGES.items()}
        tables |= {"Metric": told, "Cause": dict(CAUSES), "Fix": dict(FORMS)}
    for name, rows in tables.items():
        table = Table(name, "", title_justify="left")
        for left, right in rows.items():
            table.add_row(left, right)
        console.print(table)
    if not everything:
        console.print("Begin with: kafkasim incident ID --seed 1; --list tells what may be asked, said and done.")
