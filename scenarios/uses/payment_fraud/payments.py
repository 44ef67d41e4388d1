"""A card payment as a value, and its JSON on the wire."""

import json
from functools import lru_cache
from json.encoder import encode_basestring as quoted
from operator import itemgetter
from typing import NamedTuple

__all__ = ["Payment", "decode", "encode"]


class Payment(NamedTuple):
    """One payment by card; what a real data set does not tell is None.

    `time_ms` is the event time in epoch milliseconds, `amount_cents` an exact count of cents, `latitude` and
    `longitude` are degrees. `is_fraud` and `fraud_kind` are the label: for scoring only, no detector reads them.
    """

    payment_id: str
    time_ms: int
    card: str | None
    customer: str | None
    merchant: str | None
    category: str | None
    amount_cents: int
    city: str | None
    latitude: float | None
    longitude: float | None
    is_fraud: bool | None
    fraud_kind: str | None


fields_of = itemgetter(*Payment._fields)


def encode(payment: Payment) -> bytes:
    """The payment as one compact JSON object in UTF-8, its fields in the order above."""
    payment_id, time_ms, card, customer, merchant, category, cents, city, latitude, longitude, fraud, kind = payment
    return (
        f'{{"payment_id":{quoted(payment_id)},"time_ms":{time_ms},"card":{text(card)},"customer":{text(customer)},'
        f'"merchant":{text(merchant)},"category":{text(category)},"amount_cents":{cents},"city":{text(city)},'
        f'"latitude":{"null" if latitude is None else latitude},'
        f'"longitude":{"null" if longitude is None else longitude},'
        f'"is_fraud":{"null" if fraud is None else "true" if fraud else "false"},"fraud_kind":{text(kind)}}}'
    ).encode()


def text(value: str | None) -> str:
    """A JSON string, or null."""
    return "null" if value is None else quoted(value)


@lru_cache(maxsize=8192)
def decode(value: bytes) -> Payment:
    """The payment in these bytes; ValueError when they hold something else. Fields it does not know are left."""
    try:
        payment = Payment._make(fields_of(json.loads(value.decode())))
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"not a payment: {value[:80]!r}") from error
    if type(payment.payment_id) is not str or type(payment.amount_cents) is not int or type(payment.time_ms) is not int:
        raise ValueError(f"not a payment, its id, time or amount has the wrong type: {value[:80]!r}")
    return payment
