"""What a producer's configuration is good for is measured from its load to its last acknowledgement."""

import pytest

from sim.rules.errors import ConfigError
from sim.teach.writing import write

FAR = {"arrivals": "constant:1500", "size_bytes": 2000, "away_ms": 20, "seconds": 1}


def test_full_batches_on_their_way_limit_what_a_far_producer_can_write() -> None:
    few, many = write({"batch.size": 8_192}, **FAR), write({"batch.size": 131_072}, **FAR)
    round_trip_s, per_batch = 0.041, 8_192 // 2_000
    assert few.records == many.records == 1500
    assert few.records_per_s == pytest.approx(5 * per_batch / round_trip_s, rel=0.05)
    assert few.p99_ms > 1000 > 100 > many.p99_ms > 40
    assert many.records_per_s > 1400


def test_what_never_gets_there_is_one_line() -> None:
    with pytest.raises(ConfigError, match=r"did you mean 'producer\.batch\.size'"):
        write({"batch.sise": 1})
    with pytest.raises(ConfigError, match="ended with an error"):
        write({"max.request.size": 100})
