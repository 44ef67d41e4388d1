"""The notebooks as files: their text for review, the version for students, and the pages that were run."""

import re
from collections.abc import Iterator
from pathlib import Path
from subprocess import DEVNULL
from typing import Any

from sim.observe.whole_files import write_whole
from sim.rules.errors import ConfigError

__all__ = ["build_pages", "differing", "execute", "for_students", "sync", "texts"]

BEGIN, END = "# BEGIN SOLUTION", "# END SOLUTION"
STUB = "answer = None  # your answer"
SHOWN = ("stream", "display_data", "execute_result", "error")
WIDGET = "application/vnd.jupyter.widget-view+json"
LONGEST_S = 600
"""The longest that a cell may take."""

MISSING = "notebooks need more packages: pip install -e '.[notebooks]'"


def texts(folder: Path) -> list[Path]:
    """The chapters as Markdown, in order. Raises ConfigError, one line, where there are none."""
    found = sorted(folder.glob("[0-9][0-9]_*.md"))
    if not found:
        raise ConfigError(f"--folder {folder}: holds no chapters such as 00_name.md; run this where notebooks is")
    return found


def sync(folder: Path) -> list[Path]:
    """Write each notebook anew from its text; returns those written."""
    return [_written(folder / f"{text.stem}.ipynb", notebook(text)) for text in texts(folder)]


def differing(folder: Path) -> list[str]:
    """The names of chapters whose notebook is not what its text makes."""
    pairs = ((text, folder / f"{text.stem}.ipynb") for text in texts(folder))
    return [t.stem for t, book in pairs if not book.is_file() or book.read_text(encoding="utf-8") != _json(notebook(t))]


def for_students(folder: Path, into: Path) -> list[Path]:
    """Write the notebooks without their solutions into another folder; returns those written."""
    _outside(folder, into)
    written = []
    for text in texts(folder):
        book = notebook(text)
        for cell in book.cells:
            cell.source = without_solutions(cell.source)
        written.append(_written(into / f"{text.stem}.ipynb", book))
    return written


def build_pages(folder: Path, into: Path) -> Iterator[Path]:
    """Run the notebooks, one after the other, and write each as a page of HTML; yields the pages as they are done.

    A slider has nothing to turn on a page, and is left out.
    """
    try:
        import nbconvert
    except ImportError as error:
        raise ConfigError(MISSING) from error
    into.mkdir(parents=True, exist_ok=True)
    get_exporter: Any = nbconvert.get_exporter
    exporter = get_exporter("html")()
    for text in texts(folder):
        book = notebook(text)
        execute(book, folder)
        for cell in book.cells:
            cell.outputs = [output for output in cell.get("outputs", []) if WIDGET not in output.get("data", {})]
        page, _ = exporter.from_notebook_node(book)
        write_whole(into / f"{text.stem}.html", page)
        yield into / f"{text.stem}.html"


def execute(book: Any, folder: Path) -> None:
    """Run all code cells of a notebook in a kernel of its own, in a folder, and put in what they show.

    Stops at the first cell that raises, with its error among its outputs. The client of the kernel waits by itself, not
    by asyncio, as nbclient does: there an answer was sometimes noticed only when the time for the cell was over.
    """
    from jupyter_client.manager import start_new_kernel
    from nbformat import v4

    start: Any = start_new_kernel
    output_from_msg: Any = v4.output_from_msg
    manager, client = start(kernel_name="python3", cwd=str(folder), stderr=DEVNULL)
    try:
        for number, cell in enumerate((cell for cell in book.cells if cell.cell_type == "code"), 1):
            outputs: list[Any] = []
            cell.outputs, cell.execution_count = outputs, number

            def show(message: Any, outputs: list[Any] = outputs) -> None:
                if message["msg_type"] in SHOWN:
                    outputs.append(output_from_msg(message))

            reply = client.execute_interactive(cell.source, allow_stdin=False, timeout=LONGEST_S, output_hook=show)
            if reply["content"]["status"] != "ok":
                return
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def notebook(text: Path) -> Any:
    """The notebook that a text makes: no outputs, and ids and marks that depend on the text alone.

    Cells that hold a solution carry what nbgrader wants to know of them.
    """
    try:
        import jupytext
    except ImportError as error:
        raise ConfigError(MISSING) from error
    book = jupytext.read(text, fmt="md")
    language = {"name": "python"}
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    book.metadata = {"kernelspec": kernel, "language_info": language}
    book.nbformat, book.nbformat_minor = 4, 5
    for number, cell in enumerate(book.cells):
        cell.id = f"cell-{number:02}"
        cell.metadata = _grading(f"{text.stem[:2]}-{number:02}") if BEGIN in cell.source else {}
    return book


def without_solutions(source: str) -> str:
    """Code with a stub in place of what stands between the marks. Raises ConfigError for a mark without its pair."""
    if source.count(BEGIN) != source.count(END):
        raise ConfigError(f"a solution begins or ends without its pair, {BEGIN} and {END}: {source.strip()[:60]!r}")
    return re.sub(rf"^{BEGIN}\n.*?^{END}$", STUB, source, flags=re.MULTILINE | re.DOTALL)


def _grading(name: str) -> dict[str, Any]:
    marks = {"grade": False, "grade_id": name, "locked": False, "schema_version": 3, "solution": True, "task": False}
    return {"nbgrader": marks}


def _written(path: Path, book: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, _json(book))
    return path


def _json(book: Any) -> str:
    import jupytext

    return str(jupytext.writes(book, fmt="ipynb")).rstrip() + "\n"


def _outside(folder: Path, into: Path) -> None:
    if into.resolve() == folder.resolve():
        raise ConfigError(f"{into}: holds the notebooks with their solutions; name another folder")
