"""From a row of any input to a record to replay."""

from collections.abc import Mapping
from typing import NamedTuple

from scenarios.uses.payment_fraud.columns import Columns
from scenarios.uses.payment_fraud.fields import (
    parse_amount_cents,
    parse_coordinate,
    parse_label,
    parse_text,
    parse_time_ms,
)
from scenarios.uses.payment_fraud.payments import Payment

__all__ = ["ReplayRecord", "make_record"]


class ReplayRecord(NamedTuple):
    """A record to send: event time, arrival after the first record, key and value, and what is known of it.

    `value` is the row as a JSON object, or the payload as it was (None for a tombstone). `payment` is None when the
    row tells no amount. `line` counts from 1.
    """

    time_ms: int
    arrival_ns: int
    key: bytes | None
    value: bytes | None
    amount_cents: int | None
    label: bool | None
    payment_id: str
    line: int
    payment: Payment | None


def make_record(line: int, raw: Mapping[str, object], columns: Columns, value: bytes | None) -> ReplayRecord:
    """Read the raw values by role; LineError when one of them is not what its role asks for."""
    time_ms = parse_time_ms(raw.get("time"), columns.time_in_ms)
    key = parse_text(raw.get("key"))
    payment_id = parse_text(raw.get("id")) or f"line-{line}"
    label = parse_label(raw["label"]) if "label" in raw else None
    cents = parse_amount_cents(raw["amount"], columns.amount_in_cents) if "amount" in raw else None
    payment = None if cents is None else _payment(raw, payment_id, time_ms, key, cents, label)
    return ReplayRecord(
        time_ms, 0, None if key is None else key.encode(), value, cents, label, payment_id, line, payment
    )


def _payment(
    raw: Mapping[str, object], payment_id: str, time_ms: int, card: str | None, cents: int, label: bool | None
) -> Payment:
    return Payment(
        payment_id,
        time_ms,
        card,
        parse_text(raw.get("customer")),
        parse_text(raw.get("merchant")),
        parse_text(raw.get("category")),
        cents,
        parse_text(raw.get("city")),
        parse_coordinate(raw.get("latitude"), "latitude", 90),
        parse_coordinate(raw.get("longitude"), "longitude", 180),
        label,
        parse_text(raw.get("kind")),
    )
