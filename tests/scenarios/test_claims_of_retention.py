"""What the scenarios of the theme `retention` claim is so, with their cures too."""

import pytest

from tests.scenarios.claiming import claiming, curable, cured_difference, difference


@pytest.mark.parametrize("name", claiming("retention"))
def test_what_it_claims_is_so(name: str) -> None:
    assert difference(name) == []


@pytest.mark.parametrize("name", curable("retention"))
def test_its_cure_mends_it(name: str) -> None:
    assert cured_difference(name) == []
