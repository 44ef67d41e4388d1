"""Sessions of brokers, registration and fencing."""

import pytest

from sim.rules.broker_sessions import (
    fence_check_interval,
    has_valid_session,
    is_fenced_after_heartbeat,
    registration_refusal,
)
from sim.rules.errors import ErrorCode
from sim.rules.metadata import BrokerRegistration

KNOWN = BrokerRegistration(1, 5, incarnation=3, rack="rack", fenced=False)


@pytest.mark.parametrize(
    ("last_contact", "valid"), [(None, False), (0, False), (999, False), (1000, True), (9000, True)]
)
def test_session_lasts_its_length_and_no_longer(last_contact: int | None, valid: bool) -> None:
    assert has_valid_session(last_contact, 10_000, 9_000) is valid


def test_default_session_is_looked_at_every_1125_ms() -> None:
    assert fence_check_interval(9_000) == 1_125


def test_new_incarnation_waits_for_the_end_of_the_old_session() -> None:
    assert registration_refusal(KNOWN, 4, True) is ErrorCode.DUPLICATE_BROKER_REGISTRATION
    assert registration_refusal(KNOWN, 4, False) is None
    assert registration_refusal(KNOWN, 3, True) is None
    assert registration_refusal(None, 1, False) is None


@pytest.mark.parametrize(
    ("fenced", "wants_fence", "offset", "after"),
    [
        (True, False, 4, True),
        (True, False, 5, False),
        (True, True, 5, True),
        (False, False, 0, False),
        (False, True, 9, True),
    ],
)
def test_broker_is_unfenced_when_it_knows_its_registration(
    fenced: bool, wants_fence: bool, offset: int, after: bool
) -> None:
    assert is_fenced_after_heartbeat(fenced, wants_fence, offset, 5) is after
