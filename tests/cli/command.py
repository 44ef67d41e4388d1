"""`kafkasim` called inside the test's own process."""

import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from sim.cli.commands import execute

__all__ = ["Kafkasim", "Outcome"]


class Outcome(NamedTuple):
    """Exit code, standard output and standard error."""

    code: int
    out: str
    err: str


class Kafkasim:
    """The command, in a folder of its own."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self._capsys = capsys
        self._monkeypatch = monkeypatch
        self.folder = folder
        monkeypatch.chdir(folder)

    def __call__(self, *arguments: str | Path) -> Outcome:
        self._capsys.readouterr()
        self._monkeypatch.setattr(sys, "argv", ["kafkasim", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            execute()
        out, err = self._capsys.readouterr()
        code = ended.value.code
        return Outcome(code if isinstance(code, int) else int(code is not None), out, err)

    def files(self) -> dict[str, bytes]:
        """All that is in the folder."""
        found = (path for path in self.folder.rglob("*") if path.is_file())
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in found}

    def write(self, name: str, content: str | bytes) -> Path:
        """A file in the folder."""
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path
