"""What heartbeats make of brokers."""

import pytest

from sim.rules.controller.broker_heartbeats import BrokerControlState, BrokerHeartbeats

FENCED, UNFENCED = BrokerControlState.FENCED, BrokerControlState.UNFENCED
CONTROLLED_SHUTDOWN, SHUTDOWN_NOW = BrokerControlState.CONTROLLED_SHUTDOWN, BrokerControlState.SHUTDOWN_NOW


def known(**fenced: bool) -> BrokerHeartbeats:
    heartbeats = BrokerHeartbeats()
    for name, is_fenced in fenced.items():
        heartbeats.register(int(name[1:]), is_fenced)
    return heartbeats


def next_state(
    heartbeats: BrokerHeartbeats, wants: str = "", offset: int = 5, leads: bool = False, broker_id: int = 1
) -> BrokerControlState:
    return heartbeats.next_state(
        broker_id,
        wants_fence="fence" in wants,
        wants_shut_down="exit" in wants,
        metadata_offset=offset,
        registration_offset=5,
        has_leaderships=lambda: leads,
    )


@pytest.mark.parametrize(
    ("wants", "offset", "after"),
    [
        ("", 4, FENCED),
        ("", 5, UNFENCED),
        ("fence", 5, FENCED),
        ("exit", 4, SHUTDOWN_NOW),
        ("fence exit", 4, SHUTDOWN_NOW),
    ],
)
def test_fenced_broker_is_unfenced_when_it_knows_its_registration(
    wants: str, offset: int, after: BrokerControlState
) -> None:
    assert next_state(known(b1=True), wants, offset) is after


@pytest.mark.parametrize(
    ("wants", "leads", "after"),
    [
        ("", True, UNFENCED),
        ("fence", True, FENCED),
        ("fence exit", True, SHUTDOWN_NOW),
        ("exit", True, CONTROLLED_SHUTDOWN),
        ("exit", False, SHUTDOWN_NOW),
    ],
)
def test_broker_that_leads_may_not_go_at_once(wants: str, leads: bool, after: BrokerControlState) -> None:
    assert next_state(known(b1=False), wants, leads=leads) is after


def test_broker_goes_when_it_leads_nothing_and_all_others_have_heard_of_it() -> None:
    heartbeats = known(b1=False, b2=False, b3=False, b4=True)
    heartbeats.begin_controlled_shutdown(1, 40)
    heartbeats.begin_controlled_shutdown(1, 90)
    heartbeats.touch(2, False, 41)
    heartbeats.touch(3, False, 39)
    assert next_state(heartbeats, "exit") is CONTROLLED_SHUTDOWN
    heartbeats.touch(3, False, 40)
    assert next_state(heartbeats, "exit", leads=True) is CONTROLLED_SHUTDOWN
    assert next_state(heartbeats, "exit") is SHUTDOWN_NOW


def test_brokers_that_shut_down_or_are_fenced_hold_nobody_up() -> None:
    heartbeats = known(b1=False, b2=False)
    for broker_id in (1, 2):
        heartbeats.begin_controlled_shutdown(broker_id, 40)
    assert next_state(heartbeats, "exit") is SHUTDOWN_NOW
    heartbeats = known(b1=False, b2=False)
    heartbeats.begin_controlled_shutdown(1, 40)
    assert next_state(heartbeats, "exit") is CONTROLLED_SHUTDOWN
    heartbeats.fence(2)
    assert next_state(heartbeats, "exit") is SHUTDOWN_NOW


def test_fencing_ends_a_controlled_shutdown() -> None:
    heartbeats = known(b1=False)
    heartbeats.begin_controlled_shutdown(1, 40)
    assert heartbeats.state(1) is CONTROLLED_SHUTDOWN
    heartbeats.touch(1, True, 41)
    assert heartbeats.state(1) is FENCED
    with pytest.raises(ValueError, match="broker 1 is fenced"):
        heartbeats.begin_controlled_shutdown(1, 42)


def test_offset_counts_anew_after_a_change_of_the_registration() -> None:
    heartbeats = known(b1=False, b2=False)
    heartbeats.touch(1, False, 50)
    heartbeats.touch(2, False, 60)
    assert heartbeats.lowest_active_offset() == 50
    heartbeats.register(1, False)
    assert heartbeats.lowest_active_offset() == -1
    heartbeats.remove(1)
    assert heartbeats.lowest_active_offset() == 60


def test_only_the_first_two_and_the_last_states_are_fenced_or_not() -> None:
    assert [state.is_fenced for state in (FENCED, UNFENCED, CONTROLLED_SHUTDOWN, SHUTDOWN_NOW)] == [
        True,
        False,
        False,
        True,
    ]
