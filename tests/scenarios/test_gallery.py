"""The page of all scenarios is not stale: each is there with its picture, its sentence and what its kept run found."""

from pathlib import Path

import pytest

import scenarios
from tests.scenarios.golden_files import FOLDER, read

PAGE = Path(scenarios.__file__).parent / "README.md"


@pytest.mark.parametrize("name", scenarios.names())
def test_each_has_its_row(name: str) -> None:
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if f"**{name}**" in line]
    assert len(rows) == 1
    assert scenarios.find(name).summary in rows[0]
    assert (PAGE.parent / "pictures" / f"{name}.png").is_file()
    if (FOLDER / f"{name}.json").is_file():
        kept = read(name)
        assert str(kept["results"].get("finding", "")).replace("|", "/") in rows[0]
        assert all(claim.replace("|", "/") in rows[0] for claim in kept.get("claims", {}))
        assert "✗" not in rows[0]
