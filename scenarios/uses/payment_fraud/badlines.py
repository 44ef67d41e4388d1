"""What is wrong with an input: one line that says what, where, and what would be right."""

from collections.abc import Iterable
from difflib import get_close_matches
from os import PathLike
from typing import Literal, NamedTuple, get_args

from sim.rules.errors import ConfigError

__all__ = ["BadLine", "BadLines", "InputError", "LineError", "OnBadLine", "nearest", "shown"]

OnBadLine = Literal["stop", "skip", "dead-letter"]

MOST_SKIPPED_KEPT = 1000
SKIPPED_TEXT_KEPT = 200


class InputError(ConfigError):
    """An input that cannot be used: `path` (or the option's name), `line` from 1 or None, `what` and `hint`."""

    def __init__(self, path: str | PathLike[str], line: int | None, what: str, hint: str) -> None:
        where = f"{path}" if line is None else f"{path}, line {line}"
        super().__init__(f"{where}: {what}; {hint}")
        self.path = path
        self.line = line
        self.what = what
        self.hint = hint


class LineError(ValueError):
    """One line that cannot be used, before it is known what to do with bad lines."""

    def __init__(self, what: str, hint: str) -> None:
        super().__init__(f"{what}; {hint}")
        self.what = what
        self.hint = hint


class BadLine(NamedTuple):
    """A line that was left out, with its number from 1 and the reason."""

    line: int
    text: str
    what: str
    hint: str


class BadLines:
    """What becomes of bad lines: "stop" raises an InputError, "skip" and "dead-letter" count and keep them.

    With "skip" the first thousand are kept, cut short; with "dead-letter" all of them whole, until they are taken.
    """

    def __init__(self, path: str | PathLike[str], on_bad_line: OnBadLine) -> None:
        if on_bad_line not in get_args(OnBadLine):
            raise InputError(
                "--on-bad-line", None, f"unknown choice {shown(on_bad_line)}", nearest(on_bad_line, get_args(OnBadLine))
            )
        self.path = path
        self.on_bad_line = on_bad_line
        self.count = 0
        self.first: BadLine | None = None
        self._kept: list[BadLine] = []

    def reject(self, line: int, text: str, error: LineError) -> None:
        """Leave this line out, or stop."""
        if self.on_bad_line == "stop":
            raise InputError(self.path, line, error.what, error.hint) from error
        self.count += 1
        is_short = self.on_bad_line == "skip"
        bad_line = BadLine(line, text[:SKIPPED_TEXT_KEPT] if is_short else text, error.what, error.hint)
        self.first = self.first or bad_line
        if not is_short or self.count <= MOST_SKIPPED_KEPT:
            self._kept.append(bad_line)

    def take(self) -> list[BadLine]:
        """The lines kept since the last call."""
        taken, self._kept = self._kept, []
        return taken


def shown(value: object) -> str:
    """The value as it is quoted in a message: on one line and not too long."""
    text = ascii(value) if isinstance(value, str) and not value.isprintable() else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def nearest(name: str, names: Iterable[str]) -> str:
    """A hint that names the most similar of these names, or all of them."""
    by_lower_case = {known.lower(): known for known in names}
    close = get_close_matches(name.lower(), list(by_lower_case), n=1, cutoff=0.5)
    if close:
        return f"did you mean {shown(by_lower_case[close[0]])}?"
    return f"known are {', '.join(shown(known) for known in by_lower_case.values())}"
