"""Records of a CSV file with a header."""

import csv
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from itertools import chain
from json.encoder import encode_basestring as quoted
from operator import add

from scenarios.payment_fraud.badlines import LineError, shown
from scenarios.payment_fraud.columns import find_columns
from scenarios.payment_fraud.lines import LONGEST_LINE_BYTES, Reject
from scenarios.payment_fraud.rows import ReplayRecord, make_record

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


def csv_records(names: list[str], lines: Lines, wanted: Mapping[str, str], reject: Reject) -> Iterator[ReplayRecord]:
    """The rows after the header as records; LineError at once when a column is missing."""
    columns = find_columns(names, wanted, REQUIRED)
    roles = [(role, names.index(name)) for role, name in columns.names.items()]
    prefixes = [f"{',' if index else ''}{quoted(name)}:" for index, name in enumerate(names)]

    def records() -> Iterator[ReplayRecord]:
        for line, text, fields in _rows(len(names), lines, reject):
            value = "{" + "".join(map(add, prefixes, map(quoted, fields))) + "}"
            try:
                yield make_record(line, {role: fields[index] for role, index in roles}, columns, value.encode())
            except LineError as error:
                reject(line, text, error)

    return records()


def _rows(width: int, lines: Lines, reject: Reject) -> Iterator[tuple[int, str, list[str]]]:
    """(line, text, fields) of each row; after a row that cannot be read goes on with the next line."""
    ahead: deque[tuple[int, str]] = deque()
    while line := ahead.popleft() if ahead else next(lines, None):
        number, text = line
        if '"' in text:
            row = _quoted_row(width, line, chain(iter(ahead.popleft, None), ()) if ahead else lines, ahead, lines)
        else:
            row = text.rstrip("\r\n").split(",")
