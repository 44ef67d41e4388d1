"""Records of JSON lines: as `kcat -J` prints a topic, or bare objects."""

import json
from collections.abc import Collection, Iterator, Mapping
from decimal import Decimal

from scenarios.uses.payment_fraud.badlines import LineError, shown
from scenarios.uses.payment_fraud.columns import Columns, find_columns
from scenarios.uses.payment_fraud.lines import Reject
from scenarios.uses.payment_fraud.rows import ReplayRecord, make_record

__all__ = ["json_records"]

ENVELOPE = ("topic", "offset", "payload")
REQUIRED = ("time", "amount")
SHAPES_REMEMBERED = 256
ONE_OBJECT = "each line is one JSON object"

Row = dict[str, object]

exact = json.JSONDecoder(parse_float=Decimal, parse_constant=Decimal)


def json_records(
    lines: Iterator[tuple[int, str]], wanted: Mapping[str, str], reject: Reject
) -> Iterator[tuple[str, ReplayRecord]]:
    """The lines as records; lines that are none are rejected."""
    shapes: dict[tuple[str, ...], Columns] = {}
    for line, text in lines:
        if text.isspace():
            continue
        try:
            row = _parse_object(text)
            if all(name in row for name in ENVELOPE):
                yield text, _from_envelope(line, text, row, wanted, shapes)
            else:
                columns = _columns(row, wanted, REQUIRED, shapes)
                yield text, make_record(line, _raw(row, columns), columns, text.strip().encode())
        except LineError as error:
            reject(line, text, error)
        except UnicodeEncodeError:
            reject(line, text, LineError("a lone surrogate in a text", "the encoding is UTF-8"))


def _from_envelope(
    line: int, text: str, envelope: Row, wanted: Mapping[str, str], shapes: dict[tuple[str, ...], Columns]
) -> ReplayRecord:
    """A record as kcat prints it: time and key are the record's unless columns of the payload are asked for."""
    payload = envelope["payload"]
    value = payload if payload is None or isinstance(payload, str) else _compact(text, "payload")
    key = envelope.get("key")
    if key is not None and not isinstance(key, str):
        key = _compact(text, "key")
    row = _payload_row(value)
    if row is None and wanted and value is not None:
        raise LineError("the payload is no JSON object", f"--columns names fields in it: {', '.join(wanted.values())}")
    columns = _columns(row, wanted, (), shapes) if row else Columns({}, True, False)
    raw = _raw(row or {}, columns)
    if "time" not in wanted:
        raw["time"] = envelope.get("ts")
        columns = Columns(columns.names, True, columns.amount_in_cents)
    if "key" not in wanted:
        raw["key"] = key
    return make_record(line, raw, columns, None if value is None else value.encode())


def _payload_row(value: str | None) -> Row | None:
    """The JSON object in a payload, if it is one."""
    if value is None or not value.lstrip().startswith("{"):
        return None
    try:
        return _parse_object(value)
    except LineError:
        return None


def _raw(row: Row, columns: Columns) -> Row:
    return {role: row[name] for role, name in columns.names.items()}


def _columns(
    row: Row, wanted: Mapping[str, str], required: Collection[str], shapes: dict[tuple[str, ...], Columns]
) -> Columns:
    """The columns of a row with these names; remembered, because most lines look alike."""
    names = tuple(row)
    columns = shapes.get(names)
    if columns is None:
        if len(shapes) >= SHAPES_REMEMBERED:
            shapes.clear()
        columns = shapes[names] = find_columns(names, wanted, required)
    return columns


def _parse_object(text: str) -> Row:
    try:
        row = exact.decode(text)
    except RecursionError as error:
        raise LineError("JSON that is nested too deeply", ONE_OBJECT) from error
    except ValueError as error:
        if not text.endswith("\n"):
            raise LineError("the last line is cut: half a JSON object", "complete or remove it") from error
        where = f"{error.msg} at column {error.colno}" if isinstance(error, json.JSONDecodeError) else str(error)
        raise LineError(f"no JSON: {where}", ONE_OBJECT) from error
    if not isinstance(row, dict):
        raise LineError(f"{shown(text.strip())} is no JSON object", ONE_OBJECT)
    return row


def _compact(text: str, name: str) -> str:
    """A part of this line that is JSON itself, as compact JSON."""
    return json.dumps(json.loads(text)[name], ensure_ascii=False, separators=(",", ":"))
