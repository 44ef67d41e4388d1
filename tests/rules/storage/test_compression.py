"""Compression as a ratio."""

import pytest

from sim.rules.storage.compression import (
    CompressionRatioEstimator,
    CompressionType,
    compressed_batch_size_bytes,
    estimated_bytes_written,
)

LZ4 = CompressionType.LZ4


def test_the_codecs_have_their_numbers() -> None:
    assert [(codec.name, codec.value) for codec in CompressionType] == [
        ("NONE", 0), ("GZIP", 1), ("SNAPPY", 2), ("LZ4", 3), ("ZSTD", 4)
    ]  # fmt: skip


def test_the_estimate_falls_in_small_steps_and_rises_at_once() -> None:
    estimator = CompressionRatioEstimator()
    assert estimator.estimation("t", LZ4) == 1.0
    assert estimator.observe("t", LZ4, 0.4) == pytest.approx(0.995)
    for _ in range(200):
        estimator.observe("t", LZ4, 0.4)
    assert estimator.estimation("t", LZ4) == pytest.approx(0.4)
    assert estimator.observe("t", LZ4, 0.41) == pytest.approx(0.45)
    assert estimator.observe("t", LZ4, 0.9) == pytest.approx(0.9)
    assert estimator.observe("t", LZ4, 0.9) == pytest.approx(0.9)
    assert estimator.estimation("t", CompressionType.ZSTD) == estimator.estimation("u", LZ4) == 1.0


def test_a_batch_that_was_too_large_resets_the_estimate() -> None:
    estimator = CompressionRatioEstimator()
    estimator.observe("t", LZ4, 0.1)
    estimator.reset_after_split("t", LZ4, 0.3)
    assert estimator.estimation("t", LZ4) == 1.0
    estimator.reset_after_split("t", LZ4, 1.25)
    assert estimator.estimation("t", LZ4) == 1.25


def test_sizes() -> None:
    assert estimated_bytes_written(1_000, CompressionType.NONE, 0.5) == 1_061
    assert estimated_bytes_written(1_000, LZ4, 0.5) == 61 + 525
    assert estimated_bytes_written(1_001, LZ4, 1.0) == 61 + 1_051
    assert compressed_batch_size_bytes(1_000, LZ4, 0.25) == 311
    assert compressed_batch_size_bytes(1_000, CompressionType.NONE, 0.25) == 1_061
