"""Real payments from a file, as a stream of records in time order."""

import os
import re
from collections.abc import Iterator, Mapping
from io import BufferedReader
from itertools import chain
from math import isfinite

from scenarios.uses.payment_fraud.badlines import BadLine, BadLines, InputError, LineError, OnBadLine, shown
from scenarios.uses.payment_fraud.csv_rows import csv_header, csv_records
from scenarios.uses.payment_fraud.json_rows import json_records
from scenarios.uses.payment_fraud.lines import open_input, read_lines
from scenarios.uses.payment_fraud.reorder import in_time_order
from scenarios.uses.payment_fraud.rows import ReplayRecord

__all__ = ["Replay", "ReplayRecord", "parse_speed", "read_payments"]

NS_PER_MS = 1_000_000


def parse_speed(text: str) -> float:
    """The factor in `10x`, `0.5x` or `10`; InputError when it is no finite number above 0."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*[xX]?\s*", text, re.ASCII)
    speed = float(match[1]) if match else 0.0
    if not (speed > 0 and isfinite(speed)):
        raise InputError("--speed", None, f"{shown(text)} is no speed", "write a number above 0 such as 10x or 0.5x")
    return speed


class Replay(Iterator[ReplayRecord]):
    """An iterator over the records of a file, and what was found on the way; see `read_payments`."""

    def __init__(self, file: BufferedReader, records: Iterator[ReplayRecord], speed: float, bad: BadLines) -> None:
        self._file = file
        self._size_bytes = os.fstat(file.fileno()).st_size
        self._speed = speed.as_integer_ratio()
        self._bad = bad
        first = next(records, None)
        if first is None:
            raise _nothing_usable(bad)
        self._first_ms = first.time_ms
        self._records = chain((first,), records)

    def __next__(self) -> ReplayRecord:
        record = next(self._records)
        numerator, denominator = self._speed
        arrival_ns = (record.time_ms - self._first_ms) * NS_PER_MS * denominator // numerator
        return ReplayRecord(record.time_ms, arrival_ns, *record[2:])

    @property
    def bad_count(self) -> int:
        """How many lines were left out so far."""
        return self._bad.count

    @property
    def fraction_read(self) -> float:
        """How much of the file was read, from 0 to 1; a pipe tells nothing before its end."""
        if self._file.closed:
            return 1.0
        return min(1.0, self._file.tell() / self._size_bytes) if self._size_bytes else 0.0

    def take_bad_lines(self) -> list[BadLine]:
        """The lines left out since the last call."""
        return self._bad.take()

    def close(self) -> None:
        """Close the file; nothing more comes."""
        self._records = chain(())
        self._file.close()


def read_payments(
    path: str | os.PathLike[str],
    columns: Mapping[str, str] | None = None,
    on_bad_line: OnBadLine = "stop",
    reorder_window_ms: int = 60_000,
    speed: float = 1.0,
) -> Replay:
    """The payments of a CSV file with a header or of JSON lines (`kcat -J` or bare objects), read as a stream.

    `columns` gives column names by role (see `columns.ROLES`); well-known names are found without. Records come in
    time order; `arrival_ns` counts from the first and is divided by `speed`. What concerns the whole file is raised
    here, as an InputError; a bad line raises one when it is read, unless it is to be left out: then it is kept for
    `take_bad_lines` (with "skip" the first thousand, cut short).
    """
    if not (speed > 0 and isfinite(speed)):
        raise InputError("--speed", None, f"{speed} is no speed", "write a number above 0 such as 10x or 0.5x")
    if reorder_window_ms < 0:
        raise InputError("--reorder-window", None, f"{reorder_window_ms} ms is negative", "write 0 or more, such as 1m")
    bad = BadLines(path, on_bad_line)
    file = open_input(path)
    try:
        records = _records(path, read_lines(file, bad.reject), columns or {}, bad)
        return Replay(file, _closing(file, in_time_order(records, reorder_window_ms, bad.reject)), speed, bad)
    except BaseException:
        file.close()
        raise


def _closing(file: BufferedReader, records: Iterator[ReplayRecord]) -> Iterator[ReplayRecord]:
    with file:
        yield from records


def _records(
    path: str | os.PathLike[str], lines: Iterator[tuple[int, str]], wanted: Mapping[str, str], bad: BadLines
) -> Iterator[tuple[str, ReplayRecord]]:
    """The records of the file with their text: JSON lines when the first line begins an object, else CSV."""
    number, text = next(((number, text) for number, text in lines if not text.isspace()), (1, ""))
    if text.lstrip().startswith("{"):
        return json_records(chain([(number, text)], lines), wanted, bad.reject)
    if text.lstrip().startswith("["):
        raise InputError(path, number, "is a JSON array", "write one JSON object on each line")
    if bad.first:
        raise InputError(path, bad.first.line, f"the header cannot be read: {bad.first.what}", bad.first.hint)
    try:
        return csv_records(csv_header(text), lines, wanted, bad.reject)
    except LineError as error:
        raise InputError(path, number, error.what, error.hint) from error


def _nothing_usable(bad: BadLines) -> InputError:
    if not bad.first:
        return InputError(bad.path, None, "has a header and no rows", "at least one payment is expected")
    what = f"none of its {bad.count} lines can be used, the first because {bad.first.what}"
    return InputError(bad.path, bad.first.line, what, bad.first.hint)
