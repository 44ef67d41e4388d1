"""The notebooks as files: paired with their texts, and without solutions for students."""

import shutil
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from sim.rules.errors import ConfigError
from sim.teach.chapters import BEGIN, differing, execute, for_students, sync, texts, without_solutions

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


def test_each_notebook_is_what_its_text_makes() -> None:
    assert len(texts(NOTEBOOKS)) == len(sorted(NOTEBOOKS.glob("*.ipynb")))
    assert differing(NOTEBOOKS) == []


def test_a_changed_text_is_seen_until_it_is_written(tmp_path: Path) -> None:
    text = texts(NOTEBOOKS)[0]
    (tmp_path / text.name).write_text(text.read_text(encoding="utf-8") + "\nOne more line.\n", encoding="utf-8")
    shutil.copy(text.with_suffix(".ipynb"), tmp_path)
    assert differing(tmp_path) == [text.stem]
    sync(tmp_path)
    assert differing(tmp_path) == []


def test_students_get_no_solutions(tmp_path: Path) -> None:
    written = for_students(NOTEBOOKS, tmp_path / "students")
    cells = [cell for path in written for cell in nbformat.read(path, as_version=4).cells]
    assert [cell.id for cell in cells if "SOLUTION" in cell.source] == []
    stubs = [cell for cell in cells if "answer = None  # your answer" in cell.source]
    assert stubs
    assert all("check(" in cell.source and cell.metadata.nbgrader.solution for cell in stubs)


def test_a_cell_that_raises_is_the_last_one(tmp_path: Path) -> None:
    cells = [new_code_cell(source) for source in ("print(6 * 7)", "raise ValueError('so it goes')", "print(1)")]
    book = new_notebook(cells=cells)
    execute(book, tmp_path)
    assert [[output.output_type for output in cell.outputs] for cell in book.cells] == [["stream"], ["error"], []]
    assert book.cells[0].outputs[0].text == "42\n"
    assert book.cells[1].outputs[0].evalue == "so it goes"


def test_nbgrader_and_otter_know_the_marks() -> None:
    assert without_solutions("a = 1\n# BEGIN SOLUTION\nanswer = 7\n# END SOLUTION\ncheck('x', answer)\n") == (
        "a = 1\nanswer = None  # your answer\ncheck('x', answer)\n"
    )


def test_a_mark_without_its_pair_is_told() -> None:
    with pytest.raises(ConfigError, match="without its pair"):
        without_solutions(f"{BEGIN}\nanswer = 7\n")


def test_a_folder_without_chapters_and_the_folder_of_the_solutions_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="holds no chapters"):
        texts(tmp_path)
    with pytest.raises(ConfigError, match="name another folder"):
        for_students(NOTEBOOKS, NOTEBOOKS)
