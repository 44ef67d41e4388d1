"""`sim/machine/README.md`: the machines with the origin of each figure, and what they predict, as text."""

from collections.abc import Iterable, Iterator, Mapping

from sim.capacity.reasons import far_off
from sim.capacity.validation import Comparison, Validation
from sim.machine.hardware import Figure
from sim.machine.profiles import PROFILES

__all__ = ["render"]

HEAD = """# The machine

Devices are FIFO servers by arithmetic; a machine is a value (`sim/machine/profiles.py`) of which each figure says where
it comes from. This page is written by `kafkasim validate --write`: every number in it comes from a run.

Off unless a machine asks for them, by `Hardware` in a plan or by the hardware keys of a case: TLS (`ssl`: network
threads and clients pay for each byte, and nothing is sent without a copy) and pauses for garbage (`gc_young_bytes`: a
process stops each time that it has allocated so much). No machine below asks.
"""


def render(found: Validation, latency: str, speed: str) -> str:
    """The whole page; `latency` and `speed` are what its two pictures show."""
    middle = found.median_abs_error_pct
    told = "" if middle is None else f"\nMedian absolute error of what nothing was fitted on: {middle:.1f} %.\n"
    parts = [HEAD, "## Latency against load\n", f"![{latency}](pictures/latency.png)\n\n{latency}.\n"]
    parts += ["## Speed of the simulator\n", f"![{speed}](pictures/speed.png)\n\n{speed}.\n"]
    parts += ["## Predicted and measured\n", *_comparisons(found.comparisons), told]
    parts += ["## Further off than a quarter\n", *_far_off(found.comparisons)]
    missing = (f"- {each.id} {each.quantity}: {each.reason}" for each in found.unpredicted)
    parts += ["## Not predicted\n", *missing, ""]
    parts += ["## Machines\n", *_profiles()]
    return "\n".join(parts) + "\n"


def _comparisons(comparisons: Iterable[Comparison]) -> Iterator[str]:
    yield "| case | quantity | measured | predicted | error % | fitted on it |\n|---|---|---:|---:|---:|---|"
    for each in comparisons:
        figures = f"{each.measured:,.6g} | {each.predicted:,.6g} | {each.error_pct:+.1f}"
        yield f"| {each.id} | {each.quantity} | {figures} | {'yes' if each.calibration else ''} |"


def _far_off(comparisons: Iterable[Comparison]) -> Iterator[str]:
    """Each figure that is far off under what is known of why; what a figure was fitted on is in brackets."""
    for reason, figures in far_off(comparisons).items():
        told = (f"{each.id} {each.quantity} {each.error_pct:+.0f} %" for each in figures)
        named = (f"({text})" if each.calibration else text for text, each in zip(told, figures, strict=True))
        yield f"- **{reason[0].upper()}{reason[1:]}**: {', '.join(named)}"
    yield ""


def _profiles() -> Iterator[str]:
    for profile in PROFILES.values():
        yield f"### {profile.name}\n\n{profile.disks} disk{'s' if profile.disks > 1 else ''} for each broker.\n"
        yield "| figure | value | origin | from |\n|---|---:|---|---|"
        yield from _figures("broker", profile.broker)
        yield from _figures("client", profile.client)
        yield ""


def _figures(whose: str, figures: Mapping[str, Figure]) -> Iterator[str]:
    for name, figure in figures.items():
        yield f"| {whose}: {name} | {figure.value:,.7g} | {figure.origin} | {figure.source} |"
