"""Tests run on all cores: those of one file on the same, the flights of the claims one by one."""

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        of_scenario = item.nodeid.partition("[")[2] if item.path.name == "test_claims.py" else ""
        item.add_marker(pytest.mark.xdist_group(f"{item.path}{of_scenario}"))
