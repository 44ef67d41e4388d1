"""Payments and alerts on the wire."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scenarios.uses.payment_fraud.alerts import Alert, decode_alert, encode_alert
from scenarios.uses.payment_fraud.payments import Payment, decode, encode
from tests.scenarios.payment_fraud.samples import PLAIN

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
OPTIONAL_TEXT = st.none() | TEXT
DEGREES = st.none() | st.floats(-180, 180)
PAYMENTS = st.builds(
    Payment,
    TEXT,
    st.integers(0, 2**53),
    OPTIONAL_TEXT,
    OPTIONAL_TEXT,
    OPTIONAL_TEXT,
    OPTIONAL_TEXT,
    st.integers(0, 2**53),
    OPTIONAL_TEXT,
    DEGREES,
    DEGREES,
    st.none() | st.booleans(),
    OPTIONAL_TEXT,
)


@settings(max_examples=80, deadline=None)
@given(PAYMENTS)
def test_a_payment_survives_the_wire_as_the_json_of_its_fields(payment: Payment) -> None:
    value = encode(payment)
    assert decode(value) == payment
    assert json.loads(value) == payment._asdict()


def test_the_json_is_compact_utf_8() -> None:
    assert encode(PLAIN._replace(city="São Paulo")).startswith(b'{"payment_id":"p1","time_ms":1700000000000,"card":')
    assert "São Paulo".encode() in encode(PLAIN._replace(city="São Paulo"))


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"null",
        b"[1]",
        b'{"payment_id":"p"}',
        b"\xff\xfe",
        b"[" * 100_000,
        encode(PLAIN).replace(b":450,", b":4.5,"),
        encode(PLAIN).replace(b'"p1"', b"1"),
    ],
)
def test_other_bytes_are_no_payment(value: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        decode(value)


def test_a_field_that_is_not_known_is_left() -> None:
    assert decode(encode(PLAIN)[:-1] + b',"currency":"EUR"}') == PLAIN


def test_an_alert_survives_the_wire() -> None:
    alert = Alert("p1", "card-1", "card-testing", 1.667, 1_700_000_000_000)
    assert decode_alert(encode_alert(alert)) == alert
    for value in (b"7", b'{"payment_id":"p"}', b"half {"):
        with pytest.raises(ValueError, match=r".+"):
            decode_alert(value)
