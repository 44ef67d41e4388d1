"""The parts of a report that are words and tables; every number in them is the run's."""

from collections.abc import Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from sim.observe.fates import RecordFate
from sim.observe.verdict import MOST_LISTED
from sim.report.html import bullets, paragraph, table
from sim.report.told import kind_of, told
from sim.rules.facts.journal import LogClosed

if TYPE_CHECKING:
    from sim.run import Run

__all__ = ["claims", "story", "timeline", "verdict"]

MOST_SENTENCES = 10
MOST_RECORDS = 40
MOST_OF_A_KIND = 60

CLAIMED = ("As claimed: ", "Not as claimed: ")
FATES = {
    "lost": "Acknowledged, but not in the log at the end",
    "duplicated": "In the log more than once",
    "reordered": "In the log in another order than they were sent in",
    "undelivered": "In the log, but not delivered to a group",
}


def story(run: "Run") -> str:
    """The run in at most ten sentences: what this scenario has to say itself stands before what any run can say."""
    own = [str(sentence) for sentence in run.results.get("sentences", [])][: MOST_SENTENCES - 1]
    rest = [sentence for sentence in run.sentences() if sentence not in own and not sentence.startswith(CLAIMED)]
    first, *others = rest
    others = others[: MOST_SENTENCES - 1 - len(own)]
    text = run.scenario.story.strip()
    background = f"<details><summary>What the scenario is about</summary><pre>{escape(text)}</pre></details>"
    return bullets([first, *own, *others]) + (background if text else "")


def claims(run: "Run") -> str:
    """Each claim of the scenario with whether this run bears it out."""
    found = run.claims()
    if not found:
        return paragraph("The scenario claims nothing of such a run.")
    items = (
        f'<li class="{"holds" if holds else "fails"}"><b>{"Holds" if holds else "Does not hold"}.</b> '
        f"{escape(claim)}</li>"
        for claim, holds in found.items()
    )
    return f'<ul class="claims">{"".join(items)}</ul>'


def verdict(run: "Run") -> str:
    """What became of the acknowledged records, and the first of those that went wrong, with the cause of each."""
    found = run.verdict
    counts = [
        ("acknowledged", found.acknowledged),
        *((name, len(getattr(found, name))) for name in FATES),
        *((f"delivered to {group}", count) for group, count in found.delivered.items()),
        *((f"delivered again to {group}", count) for group, count in found.redelivered.items() if count),
        *((f"given up by {group}", count) for group, count in found.given_up.items()),
        *((name, count) for name, count in (("removed", found.removed), ("aborted", found.aborted)) if count),
    ]
    parts = [table(("Records", "Count"), [(name, f"{count:,}") for name, count in counts])]
    for name, meaning in FATES.items():
        parts += _fates(f"{meaning}: {name}", getattr(found, name))
    return "\n".join(parts)


def _fates(title: str, records: Sequence[RecordFate]) -> Iterator[str]:
    if records:
        yield f"<h3>{escape(title)}</h3>"
        head = ("Partition", "Producer", "Its number", "Key", "Sent (s)", "Acknowledged (s)", "Cause")
        yield table(head, [_fate(record) for record in records[:MOST_RECORDS]])
        if len(records) > MOST_RECORDS:
            listed = "each" if len(records) <= MOST_LISTED else f"the first {MOST_LISTED:,}"
            yield paragraph(f"And {len(records) - MOST_RECORDS:,} more; verdict.json of the run lists {listed}.")


def _fate(record: RecordFate) -> tuple[object, ...]:
    times = ("" if time is None else f"{time:.3f}" for time in (record.sent_s, record.acknowledged_s))
    return record.partition, record.producer, f"{record.number:,}", record.key or "", *times, record.cause


def timeline(run: "Run") -> str:
    """The facts in order, at most so many of one kind, each a link to its moment in the replay."""
    facts = [(time, fact) for time, fact in run.facts if not isinstance(fact, LogClosed)]
    seen: dict[str, int] = {}
    rows = []
    for time, fact in facts:
        kind = kind_of(fact)
        seen[kind] = seen.get(kind, 0) + 1
        if seen[kind] <= MOST_OF_A_KIND:
            rows.append(_row(time / 1e9, kind, fact))
    options = "".join(f"<option>{escape(kind)}</option>" for kind in sorted(seen))
    cut = [f"{kind}: {MOST_OF_A_KIND} of {count:,}" for kind, count in seen.items() if count > MOST_OF_A_KIND]
    left_out = paragraph(f"Shown are the first of each kind: {', '.join(cut)}. facts.jsonl of the run has all.")
    return (
        '<p class="filters"><label>Containing <input id="fact-text" type="search"></label> '
        f'<label>Kind <select id="fact-kind"><option value="">all</option>{options}</select></label> '
        f'<output id="fact-count" aria-live="polite">{len(rows):,} facts</output></p>'
        f"{left_out if cut else ''}"
        '<div class="wide facts" tabindex="0" role="group" aria-label="Facts"><table>'
        '<thead><tr><th scope="col">Time</th>'
        '<th scope="col">Kind</th><th scope="col">Fact</th></tr></thead><tbody id="facts">'
        f"{''.join(rows)}</tbody></table></div>"
    )


def _row(time_s: float, kind: str, fact: Any) -> str:
    link = f'<a href="#t={time_s:.3f}s">{time_s:.3f} s</a>'
    return f"<tr><td>{link}</td><td>{escape(kind)}</td><td>{escape(told(fact))}</td></tr>"
