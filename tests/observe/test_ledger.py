"""The fidelity ledger says what the docstrings say, and the committed page is not stale."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from sim.conformance.checking import FamilyResult
from sim.conformance.tracing import TracedFamily
from sim.observe.ledger import Entry, entries, families_of, render

ROOT = Path(__file__).parents[2]
RULES = sorted((ROOT / "sim" / "rules").rglob("*.py"))
VALUES_ONLY = {"protocol", "facts", "metadata", "packed"}

RULE = '''"""Elections.

Left out: reassignment,
    log directories | disks.
"""


def elect(replicas):
    """Who leads. The first replica that is alive.

    Source: core/src/main/scala/kafka/Leader.scala elect;
        KIP-966
    Fidelity: approximate — one at
        a time
    Left out: racks

    Fidelity and Source: are words that may occur in a sentence.
    """
    return _alive(replicas)


def _alive(replicas):
    """Source: nothing private takes part."""
    return first(replicas)


def first(replicas):
    """The first.

    Fidelity: exact
    """


class Election:
    """Without a word on fidelity."""

    async def hold(self):
        """Hold it

        Source: core/src/main/scala/kafka/Leader.scala
        """
'''
TRACED = [
    TracedFamily(FamilyResult("elections", 7, (), sources=("exact",)), frozenset({"election.elect", "election.first"})),
    TracedFamily(FamilyResult("holds", 1, (), 2, 3, ("derived",)), frozenset({"election.Election.__init__"})),
]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "sim" / "rules" / "config").mkdir(parents=True)
    (tmp_path / "sim" / "rules" / "election.py").write_text(RULE, encoding="utf-8")
    (tmp_path / "sim" / "rules" / "config" / "__init__.py").write_text('"""Keys.\n\nLeft out: TLS.\n"""\n')
    return tmp_path


def named(project: Path, name: str) -> Entry:
    (found,) = (entry for entry in entries(project) if entry.name == name and entry.module == "election")
    return found


def test_what_the_docstrings_say_is_collected_over_wrapped_lines(project: Path) -> None:
    found = entries(project)
    assert [(entry.module, entry.name) for entry in found] == [
        ("config", ""),
        ("election", ""),
        ("election", "elect"),
        ("election", "first"),
        ("election", "Election.hold"),
    ]
    elect = named(project, "elect")
    assert elect.meaning == "Who leads."
    assert elect.sources == ("core/src/main/scala/kafka/Leader.scala elect; KIP-966",)
    assert (elect.kind, elect.fidelity) == ("approximate", "approximate — one at a time")
    assert elect.left_out == ("racks",)
    assert [entry.kind for entry in found] == ["not stated", "not stated", "approximate", "exact", "not stated"]


def test_vectors_count_for_the_rules_that_they_reach(project: Path) -> None:
    assert families_of(named(project, "elect"), TRACED) == ["elections"]
    assert families_of(named(project, "first"), TRACED) == ["elections"]
    assert families_of(named(project, "Election.hold"), TRACED) == []
    assert families_of(named(project, ""), TRACED) == ["elections", "holds"]


def test_the_page_counts_and_lists_what_was_found(project: Path) -> None:
    page = render(project, TRACED)
    assert "**exact 1, approximate 1, not stated 1, left out 3.**" in page
    assert "- Left out: reassignment, log directories | disks." in page
    assert "- Left out (`elect`): racks" in page
    assert "| elections | executed on Kafka's classes | 7 of 7 |  |" in page
    assert "| holds | derived by rule from Kafka's source | 1 of 1 | 2 of 3 |" in page
    row = next(line for line in page.splitlines() if line.startswith("| `elect`"))
    assert row == (
        "| `elect` | Who leads. | approximate — one at a time | "
        "[Leader.scala](https://github.com/apache/kafka/blob/4.2.1/core/src/main/scala/kafka/Leader.scala) elect; "
        "KIP-966 | elections |"
    )


def test_the_committed_page_is_not_stale() -> None:
    committed = (ROOT / "sim" / "rules" / "README.md").read_text(encoding="utf-8")
    command = [sys.executable, "-c", "from sim.cli.main import main; main()", "ledger"]
    made = subprocess.check_output(command, cwd=ROOT, text=True, encoding="utf-8")
    assert committed == made, "sim/rules/README.md is stale: run `kafkasim ledger --write`"


def public_functions(path: Path) -> list[str]:
    """The functions that a module of the rules offers in its `__all__`."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    functions = {node.name for node in body if isinstance(node, ast.FunctionDef)}
    for node in body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "__all__":
            return sorted(functions & set(ast.literal_eval(node.value)))
    return []


def test_every_public_rule_names_its_source_and_its_fidelity() -> None:
    said = {(entry.path, entry.name): entry for entry in entries(ROOT) if entry.floor == "rules"}
    checked = [(path, name) for path in RULES if path.stem not in VALUES_ONLY for name in public_functions(path)]
    silent = [
        f"{path.name}: {name}"
        for path, name in checked
        if (path, name) not in said or not said[path, name].sources or not said[path, name].fidelity
    ]
    assert silent == []
    assert len(checked) > 30


def test_a_fidelity_is_exact_or_approximate_with_a_reason() -> None:
    wrong = [
        f"{entry.module}.{entry.name}: {entry.fidelity}"
        for entry in entries(ROOT)
        if entry.fidelity and entry.fidelity != "exact" and not entry.fidelity.startswith("approximate — ")
    ]
    assert wrong == []
