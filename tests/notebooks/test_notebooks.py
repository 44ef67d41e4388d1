"""Every notebook runs from a clean kernel, and is stored clean and small."""

import ast
import re
from pathlib import Path

import nbformat
import pytest

from sim.teach.chapters import execute

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def read(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


def code(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_the_first_chapter_is_there() -> None:
    assert "00_the_whole_game" in [path.stem for path in NOTEBOOKS]


@each_notebook
def test_it_runs_and_draws(path: Path) -> None:
    notebook = read(path)
    execute(notebook, path.parent)
    outputs = [output for cell in code(notebook) for output in cell.outputs]
    shown = [kind for output in outputs for kind in output.get("data", {})]
    assert [output.evalue for output in outputs if output.output_type == "error"] == []
    assert "image/png" in shown
    assert "text/markdown" in shown
    words = ["".join(output.get("data", {}).get("text/markdown", "")) for output in outputs]
    assert [text for text in words if text.startswith("✘")] == []


@each_notebook
def test_it_is_stored_without_results(path: Path) -> None:
    notebook = read(path)
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    assert [cell.id for cell in code(notebook) if cell.outputs or cell.execution_count is not None] == []
    assert [cell.id for cell in notebook.cells if set(cell.metadata) - {"nbgrader"}] == []


@each_notebook
def test_it_is_short_and_plain(path: Path) -> None:
    notebook = read(path)
    nodes = [node for cell in code(notebook) for node in ast.walk(ast.parse(cell.source))]
    functions = [node for node in nodes if isinstance(node, ast.FunctionDef)]
    assert 20 <= len(notebook.cells) <= 30
    assert [node.name for node in nodes if isinstance(node, ast.ClassDef)] == []
    assert [node.name for node in functions if (node.end_lineno or 0) - node.lineno >= 10] == []
    assert any(isinstance(node, ast.Assert) for node in nodes)
    assert re.search(r"(?m)^SEED = \d+$", "\n".join(cell.source for cell in code(notebook)))


@each_notebook
def test_it_names_no_place_of_one_machine(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?://)([^)#]+)\)", text)
    assert re.findall(r"(?<![\w.:/])(?:/(?:home|Users|tmp|root|opt|work|mnt|var)/|[A-Z]:\\\\)", text) == []
    assert [link for link in links if not (path.parent / link).exists()] == []
