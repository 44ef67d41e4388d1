"""`kafkasim bench`."""

import json

import pytest

from tests.cli.command import Kafkasim


def test_a_workload_as_json(kafkasim: Kafkasim) -> None:
    outcome = kafkasim("bench", "--workload", "slow", "--seconds", "0.5", "--rate", "4000", "--json")
    assert (outcome.code, outcome.err) == (0, "")
    found = json.loads(outcome.out)
    assert found["workload"] == "slow"
    assert found["records"] == pytest.approx(2_000, rel=0.05)
    assert found["records_per_bare_event"] > 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--workload", "referense"), "unknown workload 'referense', did you mean 'reference'?"),
        (("--workload", "x"), "unknown workload 'x', there are reference, short,"),
        (("--seconds", "0"), "seconds and rate must be more than nothing"),
        (("--rate", "-5"), "seconds and rate must be more than nothing"),
    ],
)
def test_what_cannot_be_flown_is_one_line(kafkasim: Kafkasim, arguments: tuple[str, ...], told: str) -> None:
    outcome = kafkasim("bench", *arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert told in outcome.err
    assert outcome.err.count("\n") == 1
