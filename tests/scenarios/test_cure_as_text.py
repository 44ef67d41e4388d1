"""A cure is one as well when a command line gives its settings as texts, whichever way their names are spelled."""

import pytest

import scenarios


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("redelivery-storm", {"max_poll_records": "50"}),
        (
            "double-capture",
            {
                "partition_assignment_strategy": "cooperative-sticky",
                "finish-on-revoke": "true",
                "idempotency.key": "true",
            },
        ),
    ],
)
def test_texts_that_say_the_cure_are_claimed_to_cure(name: str, given: dict[str, str]) -> None:
    scenario = scenarios.find(name)
    run = scenario.run(set=given)
    assert scenario.cured is not None
    assert run.claims() == scenario.cured(run)
