"""The fidelity ledger: what the docstrings say of how exactly each piece follows Kafka, as one page.

A docstring takes part with lines that begin with `Source:`, `Fidelity: exact`, `Fidelity: approximate — why` or
`Left out:`; each may wrap over the lines that follow it. The docstrings are read, nothing of theirs is imported; which
vectors reach which rule is told by the caller, who has put them to the rules.
"""

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sim.conformance.reading import SOURCES
from sim.conformance.tracing import TracedFamily

__all__ = ["Entry", "entries", "families_of", "render"]

KAFKA = "https://github.com/apache/kafka/blob/4.2.1/"
FLOORS = {
    "rules": "What Kafka decides",
    "actors": "Who acts on it",
    "machine": "What they stand on",
}
INTRODUCTION = """\
# Fidelity ledger

What the simulator takes from Kafka 4.2, how exactly, and what it leaves out. *Exact* means: for the same input the
same decision as Kafka's. *Approximate* says where the decision may differ. A family of vectors is a set of inputs with
Kafka's own answers; it is named at each rule that runs while its vectors are checked. `kafkasim conformance` checks
them, and vectors of your own.

This page is made by `kafkasim ledger` from the docstrings of `sim/rules`, `sim/actors` and `sim/machine` and from a
run of all vectors, and a test fails when it is stale.
"""

_PREFIX = re.compile(r"(Source|Fidelity|Left out): *(.*)")
_KAFKA_FILE = re.compile(r"(?:[\w-]+/)+([\w-]+\.(?:java|scala|json))")

Definition = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Entry:
    """What one docstring says of one module, class, function or method; `name` is empty for a module."""

    floor: str
    module: str
    path: Path
    name: str
    meaning: str
    sources: tuple[str, ...]
    fidelity: str
    left_out: tuple[str, ...]

    @property
    def kind(self) -> str:
        """`exact`, `approximate`, or `not stated` where a source is named without a fidelity."""
        return self.fidelity.split(" ", 1)[0] or "not stated"


def entries(root: Path) -> list[Entry]:
    """All that the docstrings under `root` say, ordered by floor, module and line.

    Raises SyntaxError for code that cannot be parsed.
    """
    return [
        entry
        for floor in FLOORS
        for path in sorted((root / "sim" / floor).rglob("*.py"))
        for entry in _module_entries(floor, _module_name(path.relative_to(root / "sim" / floor)), path)
    ]


def families_of(entry: Entry, traced: Sequence[TracedFamily]) -> list[str]:
    """The families whose vectors reach this function, or something of this class or module."""
    name = ".".join(part for part in (entry.module, entry.name) if part)
    return sorted(
        each.result.family
        for each in traced
        if entry.floor == "rules" and any(rule == name or rule.startswith(f"{name}.") for rule in each.rules)
    )


def render(root: Path, traced: Sequence[TracedFamily]) -> str:
    """The whole page in Markdown, for the project whose folder is `root` and the vectors put to its rules."""
    found = entries(root)
    left_out = sum(len(entry.left_out) for entry in found)
    stated = [entry for entry in found if entry.sources or entry.fidelity]
    counts = [f"{kind} {sum(entry.kind == kind for entry in stated)}" for kind in ("exact", "approximate")]
    if any(entry.kind == "not stated" for entry in stated):
        counts.append(f"not stated {sum(entry.kind == 'not stated' for entry in stated)}")
    parts = [INTRODUCTION, f"**{', '.join([*counts, f'left out {left_out}'])}.**\n", _vectors(traced)]
    for floor, title in FLOORS.items():
        modules = list(dict.fromkeys(entry.module for entry in found if entry.floor == floor))
        if modules:
            parts.append(f"## {title}: `sim/{floor}`\n")
        for module in modules:
            parts.append(_section([entry for entry in found if (entry.floor, entry.module) == (floor, module)], traced))
    return "\n".join(parts)


def _vectors(traced: Sequence[TracedFamily]) -> str:
    """The families with what came out of their vectors."""
    lines = ["## Kafka's own answers: `sim/conformance/vectors`", ""]
    lines += ["| family | answers | vectors that pass | exact placement |", "| --- | --- | --- | --- |"]
    for result in (each.result for each in traced):
        placed = f"{result.exact_placements} of {result.placements}" if result.placements else ""
        answers = " and ".join(SOURCES[source] for source in result.sources)
        passed = f"{result.passed} of {result.passed + len(result.failures)}"
        lines.append(f"| {result.family} | {answers} | {passed} | {placed} |")
    return "\n".join([*lines, ""])


def _section(module: list[Entry], traced: Sequence[TracedFamily]) -> str:
    lines = [f"### {module[0].module}", ""]
    for entry in module:
        owner = f" (`{entry.name}`)" if entry.name else ""
        lines += [f"- Left out{owner}: {text}" for text in entry.left_out]
    rows = [_row(entry, traced) for entry in module if entry.sources or entry.fidelity]
    if rows:
        if len(lines) > 2:
            lines.append("")
        lines += ["| rule | meaning | fidelity | Kafka's source | vectors |", "| --- | --- | --- | --- | --- |", *rows]
    return "\n".join([*lines, ""])


def _row(entry: Entry, traced: Sequence[TracedFamily]) -> str:
    cells = (
        f"`{entry.name}`" if entry.name else "the module",
        entry.meaning,
        entry.fidelity or "not stated",
        "<br>".join(_KAFKA_FILE.sub(rf"[\1]({KAFKA}\g<0>)", source) for source in entry.sources),
        ", ".join(families_of(entry, traced)),
    )
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"


def _module_name(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts) or "the folder"


def _parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def _module_entries(floor: str, module: str, path: Path) -> Iterator[Entry]:
    for name, node in _public(_parse(path)):
        docstring = ast.get_docstring(node) or ""
        said = _said(docstring)
        if any(said.values()):
            fidelity = " ".join(said["Fidelity"])
            sources, left_out = tuple(said["Source"]), tuple(said["Left out"])
            yield Entry(floor, module, path, name, _meaning(docstring), sources, fidelity, left_out)


def _public(node: Definition, owner: str = "") -> Iterator[tuple[str, Definition]]:
    """A module and its public classes, functions and methods, with dotted names."""
    yield owner, node
    if isinstance(node, ast.Module | ast.ClassDef):
        for child in node.body:
            if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and child.name[0] != "_":
                yield from _public(child, f"{owner}.{child.name}".lstrip("."))


def _said(docstring: str) -> dict[str, list[str]]:
    """The texts behind each prefix, in order; a text goes on until an empty line or the next prefix."""
    said: dict[str, list[str]] = {"Source": [], "Fidelity": [], "Left out": []}
    current: list[str] | None = None
    for line in map(str.strip, docstring.splitlines()):
        match = _PREFIX.fullmatch(line)
        if match:
            current = said[match[1]]
            current.append(match[2])
        elif not line:
            current = None
        elif current is not None:
            current[-1] = f"{current[-1]} {line}".strip()
    return said


def _meaning(docstring: str) -> str:
    """The first sentence."""
    first = docstring.split("\n\n", 1)[0]
    return re.split(r"(?<=[.!?])\s", " ".join(first.split()), maxsplit=1)[0]
