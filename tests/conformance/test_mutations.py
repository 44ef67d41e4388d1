"""The vectors have teeth: a rule that decides otherwise makes some of them fail."""

from collections.abc import Callable

import pytest

from sim.conformance.checking import check
from sim.conformance.families import ADAPTERS
from tests.conformance.mutants import is_killed, mutants_of, vectors_of

TRIED = 40
LEAST_KILLED = 0.25


@pytest.mark.parametrize("family", ADAPTERS)
def test_a_wrong_rule_makes_a_vector_fail(family: str) -> None:
    assert check(family, vectors_of(family)).failures == ()
    tried = mutants_of(family)[:TRIED]
    assert any(is_killed(mutant, family) for mutant in tried), tried


@pytest.mark.slow
@pytest.mark.parametrize("family", ADAPTERS)
def test_most_wrong_rules_make_a_vector_fail(family: str, record_property: Callable[[str, object], None]) -> None:
    mutants = mutants_of(family)
    survivors = [mutant for mutant in mutants if not is_killed(mutant, family)]
    record_property("mutants", len(mutants))
    record_property("survivors", len(survivors))
    told = "\n".join(f"{mutant.function}, line {mutant.line}: {mutant.change}" for mutant in survivors)
    assert len(mutants) - len(survivors) >= LEAST_KILLED * len(mutants), told
