"""Times, amounts, labels and places as real files write them; money goes through decimals, never through floats."""

from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from math import nan

from scenarios.uses.payment_fraud.badlines import LineError, shown

__all__ = ["parse_amount_cents", "parse_coordinate", "parse_label", "parse_text", "parse_time_ms"]

EPOCH = datetime(1970, 1, 1)
EPOCH_UTC = EPOCH.replace(tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
FIRST_MILLISECONDS = 10**11
LAST_MILLISECONDS = 10**14
CENT = Decimal("0.01")
MOST_DIGITS = 13
TIME_HINT = "a time is ISO 8601, YYYY-mm-dd HH:MM:SS, or seconds or milliseconds since 1970"
AMOUNT_HINT = "an amount is a finite decimal number of 0 or more such as 12.50"
LABELS = {"0": False, "1": True, "0.0": False, "1.0": True, "false": False, "true": True, "no": False, "yes": True}


def parse_time_ms(value: object, in_ms: bool = False) -> int:
    """Epoch milliseconds of a time, UTC when it names no zone; numbers below 10^11 are seconds unless `in_ms`.

    Fractions of a millisecond are cut off. LineError for anything else, and for a time before 1970.
    """
    if isinstance(value, str) and value[4:5] == "-":
        time_ms = _calendar_ms(value.strip())
    else:
        number = _number(value, "time", TIME_HINT)
        time_ms = int(number if in_ms or abs(number) >= FIRST_MILLISECONDS else number.scaleb(3))
        if time_ms >= LAST_MILLISECONDS:
            raise LineError(f"time {shown(value)} is too large for milliseconds", TIME_HINT)
        if number < 0:
            time_ms = -1
    if time_ms < 0:
        raise LineError(f"time {shown(value)} is negative, before 1970", TIME_HINT)
    return time_ms


def parse_amount_cents(value: object, in_cents: bool = False) -> int:
    """Cents of a decimal amount, half a cent and more rounded up; with `in_cents` it must be a whole number."""
    amount = _number(value, "amount", AMOUNT_HINT)
    if amount < 0:
        raise LineError(f"amount {shown(value)} is negative", AMOUNT_HINT)
    if not in_cents:
        return int(amount.quantize(CENT, ROUND_HALF_UP).scaleb(2))
    if amount != amount.to_integral_value():
        raise LineError(f"amount {shown(value)} is no whole number of cents", "the column's name ends in _cents")
    return int(amount)


def parse_label(value: object) -> bool:
    """Whether the label says fraud."""
    label = LABELS.get(str(value).strip().lower())
    if label is None:
        raise LineError(f"label {shown(value)} is neither 0 nor 1", "a label is 0, 1, false or true")
    return label


def parse_coordinate(value: object, name: str, limit: float) -> float | None:
    """Degrees from -limit to limit; None when there are none."""
    if value is None or value == "":
        return None
    try:
        degrees = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        degrees = nan
    if not -limit <= degrees <= limit:
        raise LineError(f"{name} {shown(value)} is no place", f"a {name} is from {-limit:g} to {limit:g} degrees")
    return degrees


def parse_text(value: object) -> str | None:
    """The value as text; None when there is none."""
    return None if value is None or value == "" else str(value)


def _calendar_ms(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
        return (moment - (EPOCH if moment.tzinfo is None else EPOCH_UTC)) // MILLISECOND
    except (ValueError, OverflowError) as error:
        raise LineError(f"time {shown(text)} is unparsable", TIME_HINT) from error


def _number(value: object, name: str, hint: str) -> Decimal:
    """A finite decimal of a size that can be reckoned with; LineError for all else, also underscores and booleans."""
    if isinstance(value, str):
        if "_" in value or not value.isascii():
            raise LineError(f"{name} {shown(value)} is not a number", hint)
    elif isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise LineError(f"{name} is missing" if value is None else f"{name} {shown(value)} is not a number", hint)
    try:
        number = Decimal(value)
    except InvalidOperation as error:
        what = f"{name} {shown(value)} is not a number" if str(value).strip() else f"{name} is empty"
        raise LineError(what, hint) from error
    if not number.is_finite():
        raise LineError(f"{name} {shown(value)} is not a finite number", hint)
    if number and not -40 < number.adjusted() <= MOST_DIGITS:
        raise LineError(f"{name} {shown(value)} is out of range", hint)
    return number
