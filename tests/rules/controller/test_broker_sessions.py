"""Sessions of brokers, and registration."""

import pytest

from sim.rules.controller.broker_sessions import (
    fence_check_interval,
    has_valid_session,
    is_clean_shutdown,
    registration_refusal,
)
from sim.rules.controller.metadata import BrokerRegistration
from sim.rules.errors import ErrorCode

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


def test_clean_is_who_still_has_the_epoch_of_its_last_registration() -> None:
    assert is_clean_shutdown(KNOWN, 5)
    assert not is_clean_shutdown(KNOWN, 4)
    assert not is_clean_shutdown(KNOWN, -1)
    assert not is_clean_shutdown(None, -1)
