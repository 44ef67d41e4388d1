"""Reads the bundled test vectors of a rule family."""

import json
from pathlib import Path
from typing import Any

import sim.conformance

FOLDER = Path(sim.conformance.__file__).parent / "vectors"


def document(family: str) -> dict[str, Any]:
    """The whole vector file of a family."""
    content: dict[str, Any] = json.loads((FOLDER / f"{family}.json").read_text(encoding="utf-8"))
    return content
