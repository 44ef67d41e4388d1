"""Recordings that nobody has recorded are flown from what they say alone."""

from typing import Any

import pytest

from sim.rules.config import BrokerConfig
from sim.timelines.fault_booting import booting
from sim.timelines.fault_recording import fault_recording
from sim.timelines.faults import fault_quantities, fly_run
from tests.timelines.made import made, values

SESSION = (2500, 3000 + 3000 // 8 + 50)  # broker.session.timeout.ms of 3 s, heartbeats every 0.5 s


def flown(*actions: dict[str, Any], seed: int = 1, **changed: Any) -> dict[str, dict[str, float]]:
    recording = fault_recording(made(list(actions), **changed))
    return fly_run(recording, recording.runs[0], seed)


def test_killed_leader_of_other_brokers_with_a_shorter_session() -> None:
    figures = flown(
        {"ev": "kill9", "t": 0, "broker": 5}, {"ev": "restart", "t": 6000, "broker": 5}, {"ev": "end", "t": 9000}
    )
    server, topic = figures["server"], figures["T"]
    assert SESSION[0] < server["fence_record"] < SESSION[1]
    assert server["new_leader_T"] == server["first_isr_change_T"] == server["fence_record"]
    assert server["back_action_at"] == 6000
    assert 3000 <= server["register_after_back"] < 3100
    assert server["unfence_after_register"] > 900
    assert server["first_isr_full_after_unfence"] < 500
    assert topic["sent"] == topic["acked"] == (9000 + 5000 + 300) / 10
    assert topic["lost_acked"] == topic["duplicated"] == 0
    assert server["fence_record"] - 50 < topic["longest_ack_gap"] < server["fence_record"] + 2000
    assert -50 < topic["gap_from"] <= 30


def test_who_led_before_the_run_is_honoured() -> None:
    """Broker 6 is the first replica, but 5 led: killing 6 elects nobody."""
    server = flown({"ev": "kill9", "t": 0, "broker": 6})["server"]
    assert "new_leader_T" not in server
    assert server["first_isr_change_T"] == server["fence_record"]


def test_a_broker_that_was_in_no_isr_is_down_from_the_beginning() -> None:
    recording = made([{"ev": "restart", "t": 0, "broker": 4}])
    recording["runs"][0]["state_at_start"]["T"]["isr"] = [5, 6]
    known = fault_recording(recording)
    server = fly_run(known, known.runs[0], 1)["server"]
    assert 2900 < server["register_after_back"] < 3100
    assert server["first_isr_full_after_back"] > server["unfence_after_back"] > server["register_after_back"]
    assert "new_leader_T" not in server


def test_roles_follow_who_leads() -> None:
    figures = flown(
        {"ev": "stop_follower", "t": 0, "how": "sigterm"},
        {"ev": "kill9_leader", "t": 4000},
        {"ev": "restart_leader", "t": 9000},
        {"ev": "restart_follower", "t": 9500},
    )
    assert SESSION[0] < figures["server"]["new_leader_T"] - 4000 < SESSION[1]
    assert figures["T"]["lost_acked"] == 0


@pytest.mark.parametrize("cut", ["partition", "link_down"])
def test_a_broker_that_is_cut_off_comes_back_without_registering(cut: str) -> None:
    healed = {"partition": "heal", "link_down": "link_up"}[cut]
    server = flown({"ev": cut, "t": 0, "broker": 5}, {"ev": healed, "t": 8000, "broker": 5}, {"ev": "end", "t": 14000})[
        "server"
    ]
    assert SESSION[0] < server["fence_record"] < SESSION[1]
    assert "register_after_back" not in server
    assert 0 < server["unfence_after_back"] < 2000


def test_a_pair_that_is_cut_shrinks_the_isr_after_the_lag_time() -> None:
    cut = [{"ev": "cut_follower_from_leader", "t": 0, "broker": 4, "leader": 5}, {"ev": "heal", "t": 7000}]
    config = {"replica.lag.time.max.ms": 3000}
    recording = made([*cut, {"ev": "end", "t": 9000}])
    recording["cluster"]["broker_config"] |= config
    known = fault_recording(recording)
    server = fly_run(known, known.runs[0], 3)["server"]
    assert 3000 <= server["first_isr_change_T"] < 4600
    assert "fence_record" not in server
    assert 0 < server["first_isr_full_after_back"] < 1000


def test_a_controller_may_go_and_come() -> None:
    server = flown({"ev": "kill9", "t": 0, "broker": 9}, {"ev": "restart", "t": 2000, "broker": 9})["server"]
    assert server == {"back_action_at": 2000}


def test_one_of_three_controllers_may_go_while_a_broker_is_fenced() -> None:
    recording = made(
        [{"ev": "kill9", "t": 0, "broker": 7}, {"ev": "kill9", "t": 100, "broker": 5}, {"ev": "end", "t": 9000}]
    )
    recording["cluster"]["controllers"] = [7, 8, 9]
    known = fault_recording(recording)
    figures = fly_run(known, known.runs[0], 2)
    assert SESSION[0] < figures["server"]["new_leader_T"] < SESSION[1] + 6000
    assert figures["T"]["acked"] == figures["T"]["sent"]


def test_figures_of_the_summary_are_those_compared_and_noise_is_reported_only() -> None:
    seen = {"longest_ack_gap": values(20, 30), "lost_acked": values(0, 0), "gap_from": values(5, 900)}
    server = {"fence_record": values(2900), "process_exit": values(2000)}
    load = "background load: client-side times carry scheduling noise"
    recording = made([{"ev": "sigterm", "t": 0, "broker": 5}], server, seen, load=load)
    found = {quantity.quantity: quantity for quantity in fault_quantities(recording, 2)}
    assert list(found) == ["fence_record", "process_exit", *seen]
    assert found["fence_record"].case == "fault_made_up/server"
    assert found["lost_acked"].case == "fault_made_up/T"
    assert {name for name, quantity in found.items() if quantity.counted} == {"fence_record", "lost_acked"}
    assert all(len(quantity.simulated) == 2 for quantity in found.values())
    quiet = fault_quantities({**recording, "description": "with nothing else running"}, 1)
    assert [each.quantity for each in quiet if not each.counted] == ["process_exit"]


def test_a_start_takes_as_long_as_recorded() -> None:
    changes = [
        {"t": 3000, "type": "broker", "broker": 5, "fenced": 1},
        {"t": 7200, "type": "register", "broker": 5},
        {"t": 8000, "type": "broker", "broker": 5, "fenced": -1},
    ]
    killed, restarted = {"ev": "kill9", "t": 0, "broker": 5}, {"ev": "restart", "t": 5000, "broker": 5}
    recording = made([killed, restarted])
    recording["runs"][0]["metadata_changes"] = changes
    config = BrokerConfig.of(recording["cluster"]["broker_config"])
    boot = booting(fault_recording(recording).runs[0], config)[1]
    assert (boot.start, boot.ready) == (2_200_000_000, 800_000_000)
    recording["runs"][0]["actions"][1]["t"] = 500
    recording["runs"][0]["metadata_changes"][1]["t"] = 3300
    boot = booting(fault_recording(recording).runs[0], config)[1]
    assert boot.start == 1_300_000_000, "refused until then, it has tried every half second"


def test_the_same_seed_gives_the_same_figures() -> None:
    actions = [{"ev": "sigstop", "t": 0, "broker": 5}, {"ev": "sigcont", "t": 1500, "broker": 5}]
    assert flown(*actions, seed=5) == flown(*actions, seed=5) != flown(*actions, seed=6)
