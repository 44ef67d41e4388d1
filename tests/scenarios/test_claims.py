"""What the scenarios claim is so: each is flown at seed 0, with its cure too, and counts what its file says."""

import pytest

import scenarios
from sim.run import Run
from tests.scenarios.golden_files import golden, kept

CLAIMING = [name for name in scenarios.names() if scenarios.find(name).claims is not None]
CURABLE = [name for name in CLAIMING if scenarios.find(name).cure]
OF_OLD = {*scenarios.themes()["basics"], "payment-fraud"}


@pytest.fixture(scope="module", params=CLAIMING)
def run(request: pytest.FixtureRequest) -> Run:
    return scenarios.find(request.param).run(seed=0)


def test_each_claims_something_or_has_a_test_of_its_own() -> None:
    assert {name for name in scenarios.names() if name not in CLAIMING} <= OF_OLD


def test_what_it_claims_is_so(run: Run) -> None:
    claims = run.claims()
    assert claims
    assert [claim for claim, holds in claims.items() if not holds] == []


def test_summary_is_the_kept_one(run: Run) -> None:
    assert golden(run) == kept(run)


@pytest.mark.parametrize("name", CURABLE)
def test_its_cure_mends_it(name: str) -> None:
    scenario = scenarios.find(name)
    claims = scenario.run(seed=0, set=scenario.cure).claims()
    assert claims
    assert [claim for claim, holds in claims.items() if not holds] == []
