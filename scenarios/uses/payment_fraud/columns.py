"""Which column of an input plays which role in a payment."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from scenarios.uses.payment_fraud.badlines import InputError, LineError, nearest, shown

__all__ = ["ROLES", "Columns", "find_columns", "parse_columns"]

ALIASES: Mapping[str, tuple[str, ...]] = {
    "time": (
        "trans_date_trans_time", "time_ms", "event_time", "timestamp", "time", "ts", "datetime", "date", "unix_time",
    ),
    "key": ("cc_num", "card", "card_number", "card_id", "key"),
    "amount": ("amt", "amount", "amount_cents", "transaction_amount"),
    "label": ("is_fraud", "isfraud", "class", "label", "fraud"),
    "id": ("trans_num", "payment_id", "transaction_id", "id"),
    "customer": ("customer", "customer_id"),
    "merchant": ("merchant", "merchant_name", "merchant_id"),
    "category": ("category",),
    "city": ("city",),
    "latitude": ("merch_lat", "latitude", "lat"),
    "longitude": ("merch_long", "longitude", "long", "lon", "lng"),
    "kind": ("fraud_kind",),
}  # fmt: skip
ROLES = tuple(ALIASES)


@dataclass(frozen=True, slots=True)
class Columns:
    """The column of each role that an input has; a name ending in `_ms` or `_cents` gives the unit."""

    names: Mapping[str, str]
    time_in_ms: bool
    amount_in_cents: bool


def parse_columns(text: str) -> dict[str, str]:
    """Roles and column names of `time=when,amount=price`; InputError for an unknown role or a wrong form."""
    columns: dict[str, str] = {}
    for part in text.split(","):
        role, equals, name = (piece.strip() for piece in part.partition("="))
        if not equals or not name:
            raise InputError("--columns", None, f"{shown(part)} is not role=column", "write time=when,amount=price")
        if role not in ROLES:
            raise InputError("--columns", None, f"unknown role {shown(role)}", nearest(role, ROLES))
        if role in columns:
            raise InputError("--columns", None, f"role {shown(role)} is given twice", "name each role once")
        columns[role] = name
    return columns


def find_columns(names: Sequence[str], wanted: Mapping[str, str], required: Collection[str]) -> Columns:
    """The columns that were asked for, and for the other roles those with a well-known name.

    LineError for a column that is not there and for a required role without a column.
    """
    for role, name in wanted.items():
        if name not in names:
            raise LineError(f"no column {shown(name)} for {role}", nearest(name, names))
    by_lower_case = {name.strip().lower(): name for name in reversed(names)}
    found = {}
    for role, aliases in ALIASES.items():
        known = [by_lower_case[alias] for alias in aliases if alias in by_lower_case]
        if role in wanted or known:
            found[role] = wanted.get(role) or known[0]
        elif role in required:
            raise LineError(f"no column for {role}", _column_hint(role, names))
    return Columns(found, found.get("time", "").endswith("_ms"), found.get("amount", "").endswith("_cents"))


def _column_hint(role: str, names: Sequence[str]) -> str:
    separator = next((mark for mark in (";", "\t", "|") if len(names) == 1 and mark in names[0]), None)
    if separator:
        return f"columns are separated by commas, not by {shown(separator)}"
    return f"name it with --columns {role}=…, the columns are {', '.join(shown(name) for name in names[:40])}"
