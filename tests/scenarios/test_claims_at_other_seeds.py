"""What scenarios claim holds by its mechanism: also at seeds at which chance has spoken against it."""

import pytest

import scenarios


@pytest.mark.parametrize(
    ("name", "seed"),
    [
        ("batching-frontier", 4),
        ("batching-frontier", 42),
        ("bulk-ingest", 1),
        pytest.param("oscillating-lag", 5, marks=pytest.mark.slow),
        pytest.param("oscillating-lag", 42, marks=pytest.mark.slow),
    ],
)
def test_what_is_claimed_is_so(name: str, seed: int) -> None:
    claims = scenarios.find(name).run(seed=seed).claims()
    assert [claim for claim, holds in claims.items() if not holds] == []
    assert len(claims) > 2
