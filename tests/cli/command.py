"""`kafkasim` called inside the test's own process."""

import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from sim.cli.commands import execute

__all__ = ["Kafkasim", "Outcome"]

LEFT: dict[tuple[str, ...], dict[str, bytes]] = {}
"""What calls have written, so that many tests can begin with the same run."""


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

    def left_by(self, *arguments: str) -> None:
        """Put what such a call leaves into the folder, which holds nothing yet; it is called once in each process."""
        if arguments not in LEFT:
            assert self(*arguments).code == 0
            LEFT[arguments] = self.files()
        for name, content in LEFT[arguments].items():
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            self.write(name, content)

    def files(self) -> dict[str, bytes]:
        """All that is in the folder."""
        found = (path for path in self.folder.rglob("*") if path.is_file())
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in found}

    def write(self, name: str, content: str | bytes) -> Path:
        """A file in the folder."""
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path
