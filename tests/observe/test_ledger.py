"""The fidelity ledger says what the docstrings say, and the committed page is not stale."""

import ast
from pathlib import Path

import pytest

from sim.observe.ledger import Entry, entries, module_families, render, vector_families

ROOT = Path(__file__).parents[2]
RULES = sorted((ROOT / "sim" / "rules").rglob("*.py"))
VALUES_ONLY = {"protocol", "facts", "metadata"}

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
TEST = """
from tests.vector_files import vectors
CASES = vectors("elections")

def run(case):
    return elect(case)

def test_elections():
    for case in CASES:
        run(case)

def test_something_else():
    assert vectors("other")
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "sim" / "rules" / "config").mkdir(parents=True)
    (tmp_path / "sim" / "rules" / "election.py").write_text(RULE, encoding="utf-8")
    (tmp_path / "sim" / "rules" / "config" / "__init__.py").write_text('"""Keys.\n\nLeft out: TLS.\n"""\n')
    (tmp_path / "tests" / "rules").mkdir(parents=True)
    (tmp_path / "tests" / "rules" / "test_election.py").write_text(TEST)
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


def test_vectors_count_for_the_rules_that_a_test_reaches(project: Path) -> None:
    assert vector_families(project, named(project, "elect")) == ["elections"]
    assert vector_families(project, named(project, "first")) == ["elections"]
    assert vector_families(project, named(project, "Election.hold")) == []
    assert module_families(project, named(project, "")) == ["elections", "other"]


def test_the_page_counts_and_lists_what_was_found(project: Path) -> None:
    page = render(project)
    assert "**exact 1, approximate 1, not stated 1, left out 3.**" in page
    assert "- Left out: reassignment, log directories | disks." in page
    assert "- Left out (`elect`): racks" in page
    assert "- Vectors: elections, other." in page
    row = next(line for line in page.splitlines() if line.startswith("| `elect`"))
    assert row == (
        "| `elect` | Who leads. | approximate — one at a time | "
        "[Leader.scala](https://github.com/apache/kafka/blob/4.2.1/core/src/main/scala/kafka/Leader.scala) elect; "
        "KIP-966 | elections |"
    )


def test_the_committed_page_is_not_stale() -> None:
    committed = (ROOT / "sim" / "rules" / "README.md").read_text(encoding="utf-8")
    assert committed == render(ROOT), "sim/rules/README.md is stale: run `kafkasim ledger`"


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
