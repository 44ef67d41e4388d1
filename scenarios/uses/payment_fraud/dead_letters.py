"""Lines of the input that are no payments: counted, and kept in a file and a topic when that is wanted."""

import json
from pathlib import Path
from typing import IO

from scenarios.uses.payment_fraud.badlines import BadLine
from scenarios.uses.payment_fraud.replay import Replay

__all__ = ["TOPIC", "DeadLetters"]

TOPIC = "payments-dead-letter"


class DeadLetters:
    """Takes bad lines from the replay as they are found; without a folder there is no file, the topic gets them."""

    def __init__(self, replay: Replay | None, wanted: bool, folder: Path | None) -> None:
        self.wanted = wanted and replay is not None
        self._replay = replay
        self._path = None if folder is None else folder / "dead_letters.jsonl"
        self._file: IO[str] | None = None
        self._seen = 0
        self._first: BadLine | None = None

    @property
    def count(self) -> int:
        """How many bad lines were found so far."""
        return 0 if self._replay is None else self._replay.bad_count

    def take(self) -> list[bytes]:
        """The records for the topic: what was found since the last call, also written to the file."""
        if self._replay is None or self._replay.bad_count == self._seen:
            return []
        self._seen = self._replay.bad_count
        found = self._replay.take_bad_lines()
        self._first = self._first or next(iter(found), None)
        letters = [_letter(bad) for bad in found] if self.wanted else []
        if self._path is not None:
            self._write(self._path, letters)
        return [letter.encode() for letter in letters]

    def sentences(self) -> list[str]:
        """How many lines were left out, and the first of them."""
        if self._first is None:
            return []
        what = "bad lines were set aside" if self.wanted else "bad lines were skipped"
        return [f"Input: {self.count:,} {what}, the first is line {self._first.line}: {self._first.what}."]

    def close(self) -> None:
        """The file appears under its name."""
        if self._file is not None and self._path is not None:
            self._file.close()
            Path(self._file.name).replace(self._path)
            self._file = None

    def discard(self) -> None:
        """Drop what was not closed."""
        if self._file is not None:
            self._file.close()
            Path(self._file.name).unlink()
            self._file = None

    def _write(self, path: Path, letters: list[str]) -> None:
        if letters and self._file is None:
            self._file = path.with_name(f"{path.name}.unfinished").open("w", encoding="utf-8")
        if self._file is not None:
            self._file.writelines(letter + "\n" for letter in letters)


def _letter(bad: BadLine) -> str:
    return json.dumps({"line": bad.line, "what": bad.what, "text": bad.text}, ensure_ascii=False)
