"""The way of a message: NICs, latency, lost packets, cut links."""

import pytest

from sim.machine.clock import MILLISECOND
from sim.machine.devices import Nic
from sim.machine.machine import Machine
from sim.machine.network import LOOPBACK, Flow, Host, Link, Network
from sim.machine.retransmission import RETRANSMISSION_TIMEOUT
from tests.machine.stage import HOP, Listener, host, pair, run_ms

NS_PER_BYTE = 0.8
"""Of the default NIC: 10 Gbit/s."""


def cost(size_bytes: int) -> int:
    return int(size_bytes * NS_PER_BYTE)


def send(source: Listener, target: Listener, size_bytes: int, what: object, flow: Flow | None = None) -> None:
    network = source.machine.network
    network.transmit(source.host, target.host, size_bytes, flow or Flow(), target.life, target.hear, what)


def listeners(*names: str, machine: Machine | None = None) -> list[Listener]:
    machine = machine or Machine(1)
    return [Listener(machine, host(machine, name)) for name in names]


def test_a_message_takes_its_bytes_and_the_latency_of_its_links() -> None:
    one, two = listeners("one", "two")
    send(one, two, 1_000_000, "big")
    run_ms(one.machine, 10)
    assert two.heard == [(cost(1_000_000) + 2 * HOP, "big")]
    assert one.host.nic.sent_bytes == two.host.nic.received_bytes == 1_000_000


def test_the_senders_nic_sends_one_message_after_the_other() -> None:
    one, two, three = listeners("one", "two", "three")
    send(one, two, 1_000_000, "first")
    send(one, three, 500_000, "second")
    run_ms(one.machine, 10)
    assert two.heard == [(cost(1_000_000) + 2 * HOP, "first")]
    assert three.heard == [(cost(1_500_000) + 2 * HOP, "second")]


def test_the_receivers_nic_takes_in_one_message_after_the_other() -> None:
    one, two, three = listeners("one", "two", "three")
    send(one, three, 1_000_000, "from one")
    send(two, three, 1_000_000, "from two")
    run_ms(one.machine, 10)
    first = cost(1_000_000) + 2 * HOP
    assert three.heard == [(first, "from one"), (first + cost(1_000_000), "from two")]


def test_a_nic_sends_and_receives_at_the_same_time() -> None:
    one, two = listeners("one", "two")
    send(one, two, 1_000_000, "there")
    send(two, one, 1_000_000, "back")
    run_ms(one.machine, 10)
    assert one.heard == [(two.heard[0][0], "back")]


def test_a_message_from_far_away_delays_none_from_nearby() -> None:
    near, target = listeners("near", "target")
    machine = near.machine
    far = Listener(machine, host(machine, "far", latency=50 * MILLISECOND))
    send(far, target, 1000, "far")
    send(near, target, 1000, "near")
    run_ms(machine, 100)
    assert target.heard == [
        (cost(1000) + 2 * HOP, "near"),
        (cost(1000) + 50 * MILLISECOND + HOP, "far"),
    ]


def test_loopback_uses_no_nic() -> None:
    (one,) = listeners("one")
    send(one, one, 1_000_000, "self")
    run_ms(one.machine, 1)
    assert one.heard == [(LOOPBACK, "self")]
    assert one.host.nic.sent_bytes == 0


def test_a_slow_nic_is_slow() -> None:
    machine = Machine(1)
    network = machine.network
    slow = Listener(machine, network.add_host("slow", nic=Nic(1e6), link=Link(HOP, 0)))
    fast = Listener(machine, network.add_host("fast", link=Link(HOP, 0)))
    send(slow, fast, 1000, "out")
    run_ms(machine, 10)
    assert fast.heard == [(MILLISECOND + 2 * HOP, "out")]


def test_jitter_adds_at_most_its_figure_on_each_link() -> None:
    machine = Machine(1)
    one, two = (Listener(machine, host(machine, name, jitter=HOP)) for name in ("one", "two"))
    for step in range(200):
        machine.clock.call_at(step * MILLISECOND, send, one, two, 100, step)
    run_ms(machine, 300)
    late = [time - step * MILLISECOND - cost(100) - 2 * HOP for step, (time, _) in enumerate(two.heard)]
    assert two.words() == list(range(200))
    assert 0 <= min(late) < HOP < max(late) < 2 * HOP


def test_a_lost_packet_comes_a_retransmission_timeout_later() -> None:
    machine = Machine(1)
    one, two = (Listener(machine, host(machine, name, loss=0.2)) for name in ("one", "two"))
    for number in range(500):
        send(one, two, 0, number)
    run_ms(machine, 20_000)
    losses = [divmod(time - 2 * HOP, RETRANSMISSION_TIMEOUT) for time, _ in two.heard]
    assert {rest for _, rest in losses} == {0}
    assert len(losses) == 500
    lost, delivered = 1 - 0.8**2, 0.8**2
    error = (lost / delivered**2 / 500) ** 0.5
    assert abs(sum(count for count, _ in losses) / 500 - lost / delivered) < 3 * error


def test_a_loss_of_everything_is_a_cut_link() -> None:
    one, two = listeners("one", "two")
    network = one.machine.network
    network.link("two", "rack-1").loss = 1.0
    send(one, two, 10, "hello")
    run_ms(one.machine, 1000)
    assert not network.reachable(one.host, two.host)
    network.link("two", "rack-1").loss = 0.0
    network.set_up("two", "rack-1", up=True)
    run_ms(one.machine, 2000)
    assert two.words() == ["hello"]


def test_a_cut_link_strands_messages_until_the_first_of_tcps_doubling_attempts_after_healing() -> None:
    one, two = listeners("one", "two")
    machine, flow = one.machine, Flow()
    machine.network.set_up("two", "rack-1", up=False)
    for number in range(3):
        send(one, two, 1000, number, flow)
    run_ms(machine, 5000)
    assert two.heard == []
    machine.network.set_up("two", "rack-1", up=True)
    run_ms(machine, 7000)
    first = (1 + 2 + 4 + 8 + 16) * RETRANSMISSION_TIMEOUT + 2 * HOP
    assert two.heard == [(first + cost(1000) * (number + 1), number) for number in range(3)]


def test_a_message_under_way_when_the_link_is_cut_still_arrives() -> None:
    one, two = listeners("one", "two")
    send(one, two, 10, "in time")
    one.machine.network.set_up("one", "rack-1", up=False)
    send(one, two, 10, "too late")
    run_ms(one.machine, 10)
    assert two.words() == ["in time"]


def test_a_flow_overtakes_none_of_its_stranded_messages_but_another_flow_does() -> None:
    one, two = listeners("one", "two")
    machine, flow = one.machine, Flow()
    machine.network.set_up("one", "rack-1", up=False)
    send(one, two, 10, "stranded", flow)
    run_ms(machine, 1)
    machine.network.set_up("one", "rack-1", up=True)
    run_ms(machine, 2)
    send(one, two, 10, "behind", flow)
    send(one, two, 10, "beside")
    run_ms(machine, 500)
    assert two.words() == ["beside", "stranded", "behind"]


def test_a_link_cut_again_before_the_retransmission_strands_again_in_order() -> None:
    one, two = listeners("one", "two")
    machine, flow = one.machine, Flow()

    for number in range(5):
        machine.network.set_up("one", "rack-1", up=False)
        send(one, two, 10, number, flow)
        run_ms(machine, number * 1000 + 990)
        machine.network.set_up("one", "rack-1", up=True)
        run_ms(machine, number * 1000 + 1000)
    assert two.heard == []
    run_ms(machine, 7000)
    assert two.words() == [0, 1, 2, 3, 4]


def test_stranded_messages_reach_no_later_life() -> None:
    one, two = listeners("one", "two")
    machine = one.machine
    machine.network.set_up("two", "rack-1", up=False)
    send(one, two, 10, "for the dead")
    two.stop()
    two.start()
    machine.network.set_up("two", "rack-1", up=True)
    run_ms(machine, 1000)
    assert two.heard == []


def three_racks() -> tuple[Network, dict[str, Host]]:
    machine = Machine(1)
    hosts = {f"{rack}{number}": host(machine, f"{rack}{number}", rack) for rack in "abc" for number in (1, 2)}
    return machine.network, hosts


def reached(network: Network, hosts: dict[str, Host], source: str) -> set[str]:
    return {name for name, target in hosts.items() if network.reachable(hosts[source], target)}


def test_cutting_a_racks_uplink_parts_the_rack_from_the_others() -> None:
    network, hosts = three_racks()
    assert reached(network, hosts, "a1") == set(hosts)
    network.set_up("core", "a", up=False)
    assert reached(network, hosts, "a1") == {"a1", "a2"}
    assert reached(network, hosts, "b1") == {"b1", "b2", "c1", "c2"}
    network.set_up("core", "b", up=False)
    assert reached(network, hosts, "c2") == {"c1", "c2"}
    network.set_up("core", "a", up=True)
    assert reached(network, hosts, "a1") == {"a1", "a2", "c1", "c2"}


def test_a_host_without_its_link_reaches_only_itself() -> None:
    network, hosts = three_racks()
    network.set_up("a1", "a", up=False)
    assert reached(network, hosts, "a1") == {"a1"}
    assert reached(network, hosts, "a2") == set(hosts) - {"a1"}
    assert network.round_trip(hosts["a1"], hosts["a2"]) is None


def test_round_trips_grow_with_the_distance() -> None:
    network, hosts = three_racks()
    uplinks = 2 * network.link("core", "a").latency
    jitter = 2 * network.link("core", "a").jitter
    assert network.round_trip(hosts["a1"], hosts["a1"]) == 2 * LOOPBACK
    assert network.round_trip(hosts["a1"], hosts["a2"]) == 4 * HOP
    assert network.round_trip(hosts["a1"], hosts["b1"]) == 4 * HOP + 2 * uplinks + jitter


def test_names_are_given_once_and_links_join_neighbours() -> None:
    network, _ = three_racks()
    for taken in ("a1", "a", "core"):
        with pytest.raises(ValueError, match=f"a node named '{taken}' already"):
            network.add_host(taken, "b")
    with pytest.raises(KeyError):
        network.link("a1", "b1")


def test_one_seed_gives_one_history() -> None:
    def history(seed: int) -> list[tuple[int, object]]:
        machine, _, server, connection = pair(seed, jitter=HOP, loss=0.05)
        for number in range(100):
            connection.to_server(100, server.hear, number)
        run_ms(machine, 20_000)
        return server.heard

    assert history(1) == history(1) != history(2)
