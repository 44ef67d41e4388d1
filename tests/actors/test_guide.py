"""Every Python block of the client guide runs, in order and in one namespace, and its assertions hold."""

import re
from pathlib import Path
from typing import Any

import pytest

import sim

GUIDE = Path(sim.__file__).parent / "actors" / "README.md"
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks() -> list[tuple[int, str]]:
    """The line at which each block begins, and its code."""
    text = GUIDE.read_text(encoding="utf-8")
    return [(text.count("\n", 0, found.start(1)), found[1]) for found in BLOCK.finditer(text)]


@pytest.fixture(scope="module")
def namespace() -> dict[str, Any]:
    return {"__name__": "guide"}


@pytest.mark.parametrize(("line", "code"), [pytest.param(*block, id=f"line {block[0] + 1}") for block in blocks()])
def test_the_block_runs_and_asserts(line: int, code: str, namespace: dict[str, Any]) -> None:
    assert re.search(r"^ *assert ", code, re.MULTILINE), f"{GUIDE.name}:{line} asserts nothing"
    exec(compile("\n" * line + code, str(GUIDE), "exec"), namespace)
