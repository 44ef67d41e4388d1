"""The fidelity ledger: what the docstrings say of how exactly each piece follows Kafka, as one page.

A docstring takes part with lines that begin with `Source:`, `Fidelity: exact`, `Fidelity: approximate — why` or
`Left out:`; each may wrap over the lines that follow it. Nothing is imported, only read.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Entry", "entries", "module_families", "render", "vector_families"]

KAFKA = "https://github.com/apache/kafka/blob/4.2.1/"
FLOORS = {
    "rules": "What Kafka decides",
    "actors": "Who acts on it",
    "machine": "What they stand on",
}
INTRODUCTION = """\
# Fidelity ledger

What the simulator takes from Kafka 4.2, how exactly, and what it leaves out. *Exact* means: for the same input the
same decision as Kafka's. *Approximate* says where the decision may differ. A vector family is a set of cases executed
on Kafka itself; it is named at the module whose tests use it, and at each rule that such a test names, or reaches
through other functions of the module.

This page is made by `kafkasim ledger` from the docstrings of `sim/rules`, `sim/actors` and `sim/machine`, and a test
fails when it is stale.
"""

_PREFIX = re.compile(r"(Source|Fidelity|Left out): *(.*)")
_KAFKA_FILE = re.compile(r"(?:[\w-]+/)+([\w-]+\.(?:java|scala|json))")
_READERS = frozenset({"vectors", "document"})

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


def vector_families(root: Path, entry: Entry) -> list[str]:
    """The families of vectors that a test of this module puts to this very function, class or method."""
    tests = _definitions(_test_file(root, entry)) if entry.name else {}
    rules = {name: node for name, node in _definitions(entry.path).items() if isinstance(node, ast.FunctionDef)}
    mentions = {name: _names(node) for name, node in {**rules, **tests}.items()}
    found: set[str] = set()
    for name in tests:
        if name.startswith("test_"):
            reached = _reach(name, mentions)
            if reached.issuperset(entry.name.split(".")):
                found |= {family for helper in sorted(reached & tests.keys()) for family in _families(tests[helper])}
    return sorted(found)


def module_families(root: Path, entry: Entry) -> list[str]:
    """The families of vectors that the test file of an entry's module uses."""
    tests = _definitions(_test_file(root, entry))
    return sorted({family for node in tests.values() for family in _families(node)})


def render(root: Path) -> str:
    """The whole page, in Markdown, for the project whose folder is `root`."""
    found = entries(root)
    left_out = sum(len(entry.left_out) for entry in found)
    stated = [entry for entry in found if entry.sources or entry.fidelity]
    counts = [f"{kind} {sum(entry.kind == kind for entry in stated)}" for kind in ("exact", "approximate")]
    if any(entry.kind == "not stated" for entry in stated):
        counts.append(f"not stated {sum(entry.kind == 'not stated' for entry in stated)}")
    parts = [INTRODUCTION, f"**{', '.join([*counts, f'left out {left_out}'])}.**\n"]
    for floor, title in FLOORS.items():
        modules = list(dict.fromkeys(entry.module for entry in found if entry.floor == floor))
        if modules:
            parts.append(f"## {title}: `sim/{floor}`\n")
        for module in modules:
            parts.append(_section(root, [entry for entry in found if (entry.floor, entry.module) == (floor, module)]))
    return "\n".join(parts)


def _section(root: Path, module: list[Entry]) -> str:
    lines = [f"### {module[0].module}", ""]
    for entry in module:
        owner = f" (`{entry.name}`)" if entry.name else ""
        lines += [f"- Left out{owner}: {text}" for text in entry.left_out]
    families = module_families(root, module[0])
    if families:
        lines.append(f"- Vectors: {', '.join(families)}.")
    rows = [_row(root, entry) for entry in module if entry.sources or entry.fidelity]
    if rows:
        if len(lines) > 2:
            lines.append("")
        lines += ["| rule | meaning | fidelity | Kafka's source | vectors |", "| --- | --- | --- | --- | --- |", *rows]
    return "\n".join([*lines, ""])


def _row(root: Path, entry: Entry) -> str:
    cells = (
        f"`{entry.name}`" if entry.name else "the module",
        entry.meaning,
        entry.fidelity or "not stated",
        "<br>".join(_KAFKA_FILE.sub(rf"[\1]({KAFKA}\g<0>)", source) for source in entry.sources),
        ", ".join(vector_families(root, entry)),
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


def _test_file(root: Path, entry: Entry) -> Path:
    return root / "tests" / entry.floor / f"test_{entry.module.split('.')[0]}.py"


def _definitions(path: Path) -> dict[str, ast.stmt]:
    """What a module defines, by name; nothing when there is no such file."""
    return {name: node for node in _parse(path).body for name in _defined(node)} if path.exists() else {}


def _defined(node: ast.stmt) -> list[str]:
    """The names that a statement of a module gives a value."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Assign | ast.AnnAssign):
        return [part.id for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)]
    return []


def _names(node: ast.AST) -> frozenset[str]:
    """Every name and attribute that is mentioned in a piece of code."""
    names = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
    return frozenset(names | {part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute)})


def _reach(start: str, mentions: dict[str, frozenset[str]]) -> set[str]:
    """The names that a definition mentions, and those that the definitions behind them mention."""
    reached: set[str] = set()
    waiting = [start]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += mentions.get(name, ())
    return reached


def _families(node: ast.AST) -> Iterator[str]:
    for part in ast.walk(node):
        if (
            isinstance(part, ast.Call)
            and isinstance(part.func, ast.Name)
            and part.func.id in _READERS
            and isinstance(part.args[0], ast.Constant)
        ):
            yield str(part.args[0].value)
