"""Sizes of varints, records and batches."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.rules.storage.records import (
    RECORD_BATCH_OVERHEAD_BYTES,
    estimate_batch_size_upper_bound,
    record_size_bytes,
    uniform_batch_size_bytes,
    varint_size,
    varlong_size,
)

FEW = settings(max_examples=100, deadline=None)


def encoded_varlong(value: int) -> bytes:
    """A number written byte by byte: zig-zag, seven bits each, lowest first."""
    rest = ((value << 1) ^ (value >> 63)) & (2**64 - 1)
    written = bytearray()
    while rest > 127:
        written.append(rest & 127 | 128)
        rest >>= 7
    written.append(rest)
    return bytes(written)


@given(st.integers(-(2**63), 2**63 - 1))
@FEW
def test_varlong_size_is_the_length_of_its_encoding(value: int) -> None:
    assert varlong_size(value) == len(encoded_varlong(value))


@pytest.mark.parametrize("edge", [2**bits for bits in range(0, 32)])
def test_varint_size_around_powers_of_two(edge: int) -> None:
    for value in (edge - 1, edge, -edge, -edge - 1):
        assert varint_size(value) == len(encoded_varlong(value))


def test_header_names_count_in_utf8_bytes_and_null_values_take_one_byte() -> None:
    plain = record_size_bytes(0, 0, 1, 1)
    assert record_size_bytes(0, 0, 1, 1, [("é", b"ab")]) == plain + 1 + 2 + 1 + 2
    assert record_size_bytes(0, 0, 1, 1, [("é", None)]) == plain + 1 + 2 + 1


@given(
    st.one_of(st.integers(1, 300), st.integers(8_150, 8_250)),
    st.none() | st.integers(0, 80),
    st.none() | st.integers(0, 200),
)
@settings(max_examples=40, deadline=None)
def test_uniform_size_equals_the_sum_over_records(count: int, key_size: int | None, value_size: int | None) -> None:
    total = sum(record_size_bytes(delta, 0, key_size, value_size) for delta in range(count))
    assert uniform_batch_size_bytes(count, key_size, value_size) == RECORD_BATCH_OVERHEAD_BYTES + total


def test_uniform_size_steps_at_every_length_of_an_offset_delta() -> None:
    for edge in (64, 8_192, 1_048_576, 134_217_728):
        below = uniform_batch_size_bytes(edge, 4, 8) - uniform_batch_size_bytes(edge - 1, 4, 8)
        above = uniform_batch_size_bytes(edge + 1, 4, 8) - uniform_batch_size_bytes(edge, 4, 8)
        assert above == below + 1


@given(
    st.integers(-(2**31), 2**31 - 1),
    st.none() | st.integers(0, 5_000),
    st.none() | st.integers(0, 5_000),
)
@FEW
def test_the_upper_bound_holds(timestamp_delta_ms: int, key_size: int | None, value_size: int | None) -> None:
    size_bytes = RECORD_BATCH_OVERHEAD_BYTES + record_size_bytes(0, timestamp_delta_ms, key_size, value_size)
    assert size_bytes <= estimate_batch_size_upper_bound(key_size, value_size)
