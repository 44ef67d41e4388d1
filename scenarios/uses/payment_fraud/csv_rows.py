"""Records of a CSV file with a header."""

import csv
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from contextlib import suppress
from json.encoder import encode_basestring as quoted
from operator import add

from scenarios.uses.payment_fraud.badlines import LineError, shown
from scenarios.uses.payment_fraud.columns import find_columns
from scenarios.uses.payment_fraud.lines import LONGEST_LINE_BYTES, Reject
from scenarios.uses.payment_fraud.rows import ReplayRecord, make_record

__all__ = ["csv_header", "csv_records"]

REQUIRED = ("time", "amount")
Lines = Iterator[tuple[int, str]]


def csv_header(text: str) -> list[str]:
    """The column names of this line; a column without a name is called column_1 and so on by its place."""
    line = text.rstrip("\r\n")
    if "\r" in line:
        raise LineError("lines end with a carriage return alone", "end them with a line feed")
    try:
        names = next(csv.reader([line], strict=True))
    except csv.Error as error:
        raise LineError(f"the header is no CSV: {error}", "a header is names separated by commas") from error
    names = [name if name.strip() else f"column_{index}" for index, name in enumerate(names, 1)]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise LineError(f"column {shown(twice[0])} appears twice in the header", "give each column its own name")
    return names


def csv_records(
    names: list[str], lines: Lines, wanted: Mapping[str, str], reject: Reject
) -> Iterator[tuple[str, ReplayRecord]]:
    """The rows after the header as records; LineError at once when a column is missing."""
    columns = find_columns(names, wanted, REQUIRED)
    roles = [(role, names.index(name)) for role, name in columns.names.items()]
    prefixes = [f"{',' if index else ''}{quoted(name)}:" for index, name in enumerate(names)]

    def records() -> Iterator[tuple[str, ReplayRecord]]:
        for line, text, fields in _rows(len(names), lines, reject):
            value = "{" + "".join(map(add, prefixes, map(quoted, fields))) + "}"
            try:
                raw = {role: fields[index] for role, index in roles}
                yield text, make_record(line, raw, columns, value.encode())
            except LineError as error:
                reject(line, text, error)

    return records()


class _Source:
    """Lines that can be put back."""

    __slots__ = ("back", "lines")

    def __init__(self, lines: Lines) -> None:
        self.lines = lines
        self.back: deque[tuple[int, str]] = deque()

    def __iter__(self) -> Lines:
        return self

    def __next__(self) -> tuple[int, str]:
        return self.back.popleft() if self.back else next(self.lines)


def _rows(width: int, lines: Lines, reject: Reject) -> Iterator[tuple[int, str, list[str]]]:
    """(line, text, fields) of each row; blank lines are none."""
    source = _Source(lines)
    for number, text in source:
        try:
            if '"' in text:
                text, fields = _quoted_row(width, text, source)
            elif text.isspace():
                continue
            else:
                fields = text.rstrip("\r\n").split(",")
                _check_width(width, fields, text)
        except LineError as error:
            reject(number, text, error)
        else:
            yield number, text, fields


def _quoted_row(width: int, text: str, source: _Source) -> tuple[str, list[str]]:
    """The whole text and the fields of a row with quotes.

    When it makes no row, the lines after the first are put back: a stray quote spoils one line and no more.
    """
    taken = _rest_of_row(text, source)
    row = [text, *(following for _, following in taken)]
    try:
        fields = _parse(row)
        _check_width(width, fields, row[-1])
    except LineError:
        source.back.extendleft(reversed(taken))
        raise
    return "".join(row), fields


def _rest_of_row(text: str, source: _Source) -> list[tuple[int, str]]:
    """The lines that follow until every quote is closed; none when the first line is a row by itself."""
    taken: list[tuple[int, str]] = []
    is_open, size = text.count('"') % 2, len(text)
    if is_open:
        with suppress(LineError):
            _parse([text])
            return taken
    while is_open and size <= LONGEST_LINE_BYTES and (following := next(source, None)):
        taken.append(following)
        is_open ^= following[1].count('"') % 2
        size += len(following[1])
    return taken


def _parse(row: list[str]) -> list[str]:
    try:
        return next(csv.reader(row, strict=True))
    except csv.Error as error:
        if str(error) == "unexpected end of data":
            raise LineError("a quote is opened and never closed", "close it, or is the file cut here?") from error
        raise LineError(f"the row is no CSV: {error}", 'a quoted field is "…" with inner quotes doubled') from error


def _check_width(width: int, fields: list[str], text: str) -> None:
    if len(fields) == width:
        return
    what = f"{len(fields)} fields where the header has {width}"
    if len(fields) < width and not text.endswith("\n"):
        raise LineError(f"the last line is cut: {what}", "complete or remove it")
    raise LineError(what, "a field with a comma inside is quoted")
