"""What the scenarios of the theme `streams` claim is so, with their cures too."""

import pytest

from tests.scenarios.claiming import check, check_cure, claiming, curable


@pytest.mark.parametrize("name", claiming("streams"))
def test_what_it_claims_is_so(name: str) -> None:
    check(name)


@pytest.mark.parametrize("name", curable("streams"))
def test_its_cure_mends_it(name: str) -> None:
    check_cure(name)
