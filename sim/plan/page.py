"""`sim/plan/README.md`: one question from requirement to decision, with every number from a run."""

from collections.abc import Iterable, Iterator

from sim.plan.answer import Answer
from sim.plan.comparing import comparisons
from sim.plan.law import Law
from sim.plan.questions import QUESTIONS
from sim.plan.sentences import assumptions, differences, figure, money, sentences, with_interval

__all__ = ["render"]

HEAD = """# Plans

What does a cluster cost that carries our peak, and goes on when a broker dies? Calculators answer with arithmetic.
`kafkasim plan` begins with the same arithmetic, then flies each candidate: the peak, the loss of a broker at the peak,
its return, a group that was away, growing load, a deployment. This page is written by `kafkasim plan --write-readme`:
every number in it comes from a run.
"""


def render(answer: Answer, laws: Iterable[Law]) -> str:
    """The whole page; the picture is beside it."""
    asked = answer.requirement
    parts = [HEAD, "## The question\n"]
    parts += [
        f"Producers send {asked.write / 1e6:,.0f} MB/s at today's peak in records of {asked.record:,} bytes, and "
        f"{asked.growth:g} times that in some years. {asked.groups} groups read everything; records are kept "
        f"{asked.retention / 86_400:g} days on {asked.replication} replicas. A record must be acknowledged within "
        f"{asked.p99 * 1000:g} ms (p99), and {asked.headroom:.0%} of every device stay free.\n",
        "```\nkafkasim plan --write 200MB/s --record 1KB --groups 3 --retention 7d --replication 3 \\\n"
        "  --p99 50ms --survive broker --headroom 30% --growth 2x --hardware m5.large,i3en.2xlarge\n```\n",
        'A TOML file does as well, with lines such as `write = "200MB/s"`; `--prices FILE` adds costs. A machine of'
        "\nyour own is measured, fitted with `kafkasim calibrate FILE --out machine.toml`, and named as `--hardware "
        "machine.toml`.\n",
        "## The candidates\n",
        *_candidates(answer),
        "\n![Brokers against latency and recovery](pictures/plan.png)\n",
        "## The decision\n",
        *(f"- {line}" for line in sentences(answer)),
        "\n## Formula and flight\n",
        *_comparisons(answer),
        "\nMore than a fifth apart are:\n",
        *(f"- {line}" for line in differences(answer)),
        "\nWhere only the law matters, flights obey it: three m5.large, three replicas, offered more than it allows.\n",
        *_laws(laws),
        "\n## What was assumed\n",
        *(f"- {line}" for line in assumptions(answer)),
        "\n## What planners ask\n",
        "| | question | command | tested in |\n|---:|---|---|---|",
        *(f"| {each.number} | {each.asks} | `{each.command}` | `{each.test}` |" for each in QUESTIONS),
    ]
    return "\n".join(parts) + "\n"


def _candidates(answer: Answer) -> Iterator[str]:
    yield "| machine | brokers | by formula | binds | p99 | recovery | breaks first | month | |"
    yield "|---|---:|---:|---|---:|---:|---|---:|---|"
    for flown in answer.candidates:
        recovery = "-" if flown.recovery_s is None else with_interval(flown.recovery_s, "s")
        cells = (
            flown.candidate.machine,
            f"{flown.candidate.brokers:,}",
            f"{flown.by_formula:,}",
            flown.binding,
            with_interval(flown.p99_ms, "ms"),
            recovery,
            flown.ramp.breaks,
            money(flown, answer.currency),
            "chosen" if flown is answer.chosen else ", ".join(flown.failings),
        )
        yield f"| {' | '.join(cells)} |"


def _comparisons(answer: Answer) -> Iterator[str]:
    yield "| machine | quantity | formula | flight | |\n|---|---|---:|---:|---|"
    for flown in answer.candidates:
        for each in comparisons(flown):
            figures = f"{figure(each.formula)} | {figure(each.flown)} | {each.unit}"
            yield f"| {flown.candidate.machine} | {each.quantity} | {figures} |"


def _laws(laws: Iterable[Law]) -> Iterator[str]:
    yield "| groups | AWS's law, MB/s | flight, MB/s | busiest |\n|---:|---:|---:|---|"
    for law in laws:
        yield f"| {law.groups} | {law.limit / 1e6:.1f} | {law.flown / 1e6:.1f} | {law.busiest} |"
