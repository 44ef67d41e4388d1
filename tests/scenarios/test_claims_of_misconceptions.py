"""What the scenarios of the theme `misconceptions` claim is so, with their cures too."""

import pytest

from tests.scenarios.claiming import claiming, curable, cured_difference, difference


@pytest.mark.parametrize("name", claiming("misconceptions"))
def test_what_it_claims_is_so(name: str) -> None:
    assert difference(name) == []


@pytest.mark.parametrize("name", curable("misconceptions"))
def test_its_cure_mends_it(name: str) -> None:
    assert cured_difference(name) == []
