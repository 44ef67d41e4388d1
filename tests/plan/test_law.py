"""Three m5.large with three replicas: AWS's law says 81.25, 81.25 and 70.3 MB/s for no, one and two groups."""

import pytest

from sim.plan.law import GROUPS, fly_law

LAW = {0: (81.25e6, "disk"), 1: (81.25e6, "disk"), 2: (70.3125e6, "network out")}


@pytest.mark.parametrize("groups", GROUPS)
def test_flights_obey_the_law_where_only_the_law_matters(groups: int) -> None:
    limit, device = LAW[groups]
    found = fly_law(groups)
    assert found.limit == pytest.approx(limit)
    assert found.flown == pytest.approx(limit, rel=0.06)
    assert found.busiest == device
