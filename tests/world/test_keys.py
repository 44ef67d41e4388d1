"""Keys against theory: shares, turns, and their pairing with arrivals."""

from collections import Counter
from collections.abc import Callable, Iterator

import numpy
import pytest

from sim.rules.errors import ConfigError
from sim.world.keys import Keys, NoKeys, RoundRobinKeys, SingleKey, UniformKeys, ZipfKeys, keyed

SIZE = 50_000


def drawn(keys: Keys, seed: int = 3) -> list[bytes | None]:
    return keys.draw(numpy.random.default_rng(seed), SIZE)


@pytest.mark.parametrize("exponent", [0.0, 0.8, 1.0, 1.5])
def test_zipf_shares_are_those_of_theory(exponent: float) -> None:
    counts = Counter(drawn(ZipfKeys(100, exponent)))
    weights = numpy.arange(1, 101) ** -exponent
    for rank in (1, 2, 10):
        share = weights[rank - 1] / weights.sum()
        standard_error = (share * (1 - share) / SIZE) ** 0.5
        assert counts[b"key-%d" % (rank - 1)] / SIZE == pytest.approx(share, abs=3 * standard_error)


def test_uniform_keys_are_all_alike() -> None:
    counts = Counter(drawn(UniformKeys(10)))
    assert sorted(filter(None, counts)) == [b"key-%d" % number for number in range(10)]
    squares = sum((count - SIZE / 10) ** 2 / (SIZE / 10) for count in counts.values())
    assert squares < 27.9, "chi-square of 9 degrees of freedom, 0.1 %"


def test_single_and_null_keys() -> None:
    assert set(drawn(SingleKey(b"only"))) == {b"only"}
    assert set(drawn(NoKeys())) == {None}


def test_turns_go_on_from_one_chunk_to_the_next() -> None:
    rng = numpy.random.default_rng(0)
    pairs = list(keyed(range(5000), RoundRobinKeys(7), rng))
    assert pairs == [(number, b"key-%d" % (number % 7)) for number in range(5000)]


def test_keys_are_drawn_lazily() -> None:
    asked: list[int] = []

    def times() -> Iterator[int]:
        for number in range(10_000):
            asked.append(number)
            yield number

    assert next(keyed(times(), NoKeys(), numpy.random.default_rng(0))) == (0, None)
    assert len(asked) < 2000


@pytest.mark.parametrize("keys", [UniformKeys(9), ZipfKeys(9, 1.1), RoundRobinKeys(4)], ids=str)
def test_same_seed_same_keys(keys: Keys) -> None:
    assert drawn(keys) == drawn(keys)
    assert (drawn(keys) == drawn(keys, seed=4)) is isinstance(keys, RoundRobinKeys)


@pytest.mark.parametrize("make", [UniformKeys, RoundRobinKeys, lambda count: ZipfKeys(count, 1.0)])
def test_no_keys_at_all_is_refused(make: Callable[[int], Keys]) -> None:
    with pytest.raises(ConfigError, match="at least 1, not 0"):
        make(0)


@pytest.mark.parametrize("exponent", [-0.1, float("nan"), float("inf")])
def test_bad_exponent_is_refused(exponent: float) -> None:
    with pytest.raises(ConfigError, match="exponent must be 0 or more and finite"):
        ZipfKeys(10, exponent)
