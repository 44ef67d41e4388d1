"""An alert as a value, and its JSON on the wire."""

import json
from typing import NamedTuple

__all__ = ["Alert", "decode_alert", "encode_alert"]


class Alert(NamedTuple):
    """A payment that looks wrong: the rule that says so, and how far over its limit the payment is (1.0 is at it)."""

    payment_id: str
    card: str
    kind: str
    score: float
    payment_time_ms: int


def encode_alert(alert: Alert) -> bytes:
    """The alert as one compact JSON object in UTF-8."""
    return json.dumps(alert._asdict(), ensure_ascii=False, separators=(",", ":")).encode()


def decode_alert(value: bytes) -> Alert:
    """The alert in these bytes; ValueError when they hold something else."""
    try:
        return Alert(**json.loads(value))
    except (TypeError, RecursionError) as error:
        raise ValueError(f"not an alert: {value[:80]!r}") from error
