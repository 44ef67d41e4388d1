"""Cards that serve all their connections at once, and the queue before request handlers."""

import pytest

from sim.machine.clock import Clock
from sim.machine.devices import Nic, RequestQueue
from sim.machine.devices.fair_lane import FairLane
from sim.machine.machine import Machine
from sim.machine.network import Flow, Link
from tests.machine.stage import Listener


def carried(*messages: tuple[int, str, int]) -> dict[str, list[int]]:
    """When messages (time, connection, bytes) are through a lane of one byte per nanosecond."""
    clock, found = Clock(), {}
    lane = FairLane(clock, 1e9)

    def begin(flow: str, size_bytes: int) -> None:
        lane.carry(flow, size_bytes, lambda: found.setdefault(flow, []).append(clock._now))

    for time, flow, size_bytes in messages:
        clock.call_at(time, begin, flow, size_bytes)
    clock.run()
    return found


def test_one_connection_has_the_whole_card() -> None:
    assert carried((0, "a", 100), (10, "a", 50), (500, "a", 100)) == {"a": [100, 150, 600]}


def test_two_connections_get_half_each_until_one_is_through() -> None:
    assert carried((0, "a", 1000), (0, "b", 100)) == {"b": [200], "a": [1100]}


def test_a_small_message_passes_a_large_one_of_another_connection() -> None:
    assert carried((0, "large", 10_000), (100, "small", 10)) == {"small": [120], "large": [10_010]}


def test_nothing_is_lost_among_many() -> None:
    found = carried(*((time, f"flow-{time % 7}", 10 + time % 5) for time in range(500)))
    assert sum(map(len, found.values())) == 500
    assert 500 * 12 <= max(map(max, found.values())) <= 500 * 12 + 500
    assert all(times == sorted(times) for times in found.values())


def test_a_request_queue_has_room_until_its_limit_waits() -> None:
    queue = RequestQueue(2)
    assert queue.has_room_at(0) == 0
    queue.enter(10)
    queue.enter(20)
    assert queue.has_room_at(5) == 10
    assert queue.has_room_at(10) == 10
    queue.enter(30)
    assert queue.has_room_at(12) == 20


@pytest.mark.parametrize("seed", range(5))
def test_what_one_connection_sends_arrives_in_order_whatever_the_jitter(seed: int) -> None:
    machine = Machine(seed)
    link = Link(latency=10, jitter=100_000)
    source, other, target = (
        Listener(machine, machine.network.add_host(name, nic=Nic(1e9, machine.clock), link=link))
        for name in ("source", "other", "target")
    )
    chance = machine.streams["sizes"]

    def send(sender: Listener, flow: Flow, what: object) -> None:
        size_bytes = chance.randrange(1, 20_000)
        machine.network.transmit(sender.host, target.host, size_bytes, flow, target.life, target.hear, what)

    flows = {source: Flow(), other: Flow()}
    for number in range(400):
        sender = chance.choice((source, other))
        time = chance.randrange(2_000) + 2_000 * number
        machine.clock.call_at(time, send, sender, flows[sender], (sender.name, number))
    machine.clock.run()
    heard = target.words()
    assert len(heard) == 400
    for sender in flows:
        numbers = [number for name, number in heard if name == sender.name]
        assert numbers == sorted(numbers)


def test_fair_cards_count_what_they_carry() -> None:
    machine = Machine(0)
    hosts = [machine.network.add_host(name, nic=Nic(1e9, machine.clock)) for name in ("one", "two")]
    machine.network.transmit(*hosts, 700, Flow(), Listener(machine, hosts[1]).life, lambda: None)
    machine.clock.run(until=1_000_000)
    assert (hosts[0].nic.sent_bytes, hosts[1].nic.received_bytes, hosts[0].nic.received_bytes) == (700, 700, 0)
