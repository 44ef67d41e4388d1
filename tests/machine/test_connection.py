"""A connection as TCP gives it: ordered both ways, reset when the server dies."""

from hypothesis import given, settings
from hypothesis import strategies as st

from sim.machine.clock import MILLISECOND
from sim.machine.connection import RESET_SIZE_BYTES, Connection
from sim.machine.machine import Machine
from sim.machine.retransmission import RETRANSMISSION_TIMEOUT
from tests.machine.stage import HOP, Listener, host, pair, run_ms

RESET_TAKES = 2 * HOP + int(RESET_SIZE_BYTES * 0.8)


def test_one_connection_keeps_order_under_jitter() -> None:
    machine, client, server, connection = pair(jitter=50 * HOP)
    for number in range(300):
        connection.to_server(10, server.hear, number)
        connection.to_client(number, 10, client.hear, number)
    run_ms(machine, 100)
    assert server.words() == client.words() == list(range(300))


@settings(max_examples=30)
@given(
    st.integers(0, 1000),
    st.lists(st.tuples(st.sampled_from(["ask", "answer", "cut", "mend"]), st.integers(0, 150)), max_size=40),
)
def test_order_survives_loss_and_cuts(seed: int, steps: list[tuple[str, int]]) -> None:
    machine, client, server, connection = pair(seed, jitter=20 * HOP, loss=0.1)
    sent: dict[str, list[int]] = {"ask": [], "answer": []}
    for number, (step, wait_ms) in enumerate(steps):
        if step == "ask":
            connection.to_server(100, server.hear, number)
        elif step == "answer":
            connection.to_client(server.now + wait_ms * MILLISECOND, 100, client.hear, number)
        else:
            machine.network.set_up("client", "rack-1", up=step == "mend")
        sent.setdefault(step, []).append(number)
        run_ms(machine, machine.clock.now_ms + wait_ms + 1)
    machine.network.set_up("client", "rack-1", up=True)
    run_ms(machine, machine.clock.now_ms + 60_000)
    assert server.words() == sent["ask"]
    assert client.words() == sent["answer"]


def test_killing_the_server_resets_the_clients_connection() -> None:
    machine, client, server, connection = pair()
    run_ms(machine, 3)
    server.stop()
    assert client.lost == []
    run_ms(machine, 10)
    assert client.lost == [3 * MILLISECOND + RESET_TAKES]
    assert not connection.open


def test_the_reset_comes_after_the_answers_already_sent() -> None:
    machine, client, server, connection = pair()
    connection.to_client(0, 1_000_000, client.hear, "answer")
    server.stop()
    run_ms(machine, 10)
    assert client.words() == ["answer"]
    assert client.lost > [client.heard[0][0]]


def test_a_dead_server_sends_no_answer_that_it_was_still_working_on() -> None:
    machine, client, server, connection = pair()
    connection.to_client(5 * MILLISECOND, 10, client.hear, "too late")
    run_ms(machine, 1)
    server.stop()
    run_ms(machine, 20)
    assert client.heard == []
    assert len(client.lost) == 1


def test_an_answer_in_the_making_delays_no_answer_of_another_connection() -> None:
    machine, client, server, connection = pair()
    other = Listener(machine, host(machine, "other"))
    connection.to_client(50 * MILLISECOND, 1000, client.hear, "slow")
    other.connect(server).to_client(0, 1000, other.hear, "fast")
    run_ms(machine, 100)
    assert other.heard == [(2 * HOP + 800, "fast")]
    assert client.heard == [(50 * MILLISECOND + 2 * HOP + 800, "slow")]


def test_answers_leave_in_the_order_in_which_they_were_given() -> None:
    machine, client, server, connection = pair()
    connection.to_client(5 * MILLISECOND, 10, client.hear, "first")
    server.at(4 * MILLISECOND, connection.to_client, 0, 10, client.hear, "second")
    server.at(5 * MILLISECOND, connection.to_client, 0, 10, client.hear, "third")
    run_ms(machine, 20)
    assert client.words() == ["first", "second", "third"]


def test_a_paused_server_resets_nothing_and_answers_when_it_resumes() -> None:
    machine, client, server, connection = pair()
    connection.to_client(2 * MILLISECOND, 10, client.hear, "answer")
    server.pause()
    connection.to_server(10, server.hear, "request")
    run_ms(machine, 50)
    assert (client.heard, client.lost, server.heard) == ([], [], [])
    server.resume()
    run_ms(machine, 60)
    assert client.words() == ["answer"]
    assert server.words() == ["request"]
    assert connection.open


def test_a_cut_off_client_learns_of_the_reset_only_when_the_network_heals() -> None:
    machine, client, server, _ = pair()
    machine.network.set_up("client", "rack-1", up=False)
    server.stop()
    run_ms(machine, 30_000)
    assert client.lost == []
    machine.network.set_up("client", "rack-1", up=True)
    run_ms(machine, 60_000)
    assert client.lost == [(2**8 - 1) * RETRANSMISSION_TIMEOUT + RESET_TAKES]


def test_a_restarted_server_hears_nothing_of_the_old_connection() -> None:
    machine, client, server, connection = pair()
    connection.to_server(10, server.hear, "old")
    server.stop()
    server.start()
    connection.to_server(10, server.hear, "old too")
    fresh = client.connect(server)
    fresh.to_server(10, server.hear, "new")
    run_ms(machine, 10)
    assert server.words() == ["new"]
    assert len(client.lost) == 1
    assert fresh.open


def test_a_closed_connection_delivers_requests_under_way_but_no_answers() -> None:
    machine, client, server, connection = pair()
    connection.to_server(10, server.hear, "request")
    connection.to_client(0, 10, client.hear, "answer under way")
    connection.close()
    connection.to_server(10, server.hear, "after closing")
    connection.to_client(0, 10, client.hear, "after closing")
    server.after(MILLISECOND, server.stop)
    run_ms(machine, 10)
    assert server.words() == ["request"]
    assert (client.heard, client.lost) == ([], [])


def test_a_dropped_connection_is_lost_for_the_client_once() -> None:
    machine, client, server, connection = pair()
    connection.to_client(3 * MILLISECOND, 10, client.hear, "void")
    connection.drop()
    run_ms(machine, 10)
    server.stop()
    run_ms(machine, 20)
    assert client.lost == [RESET_TAKES]
    assert client.heard == []


def test_a_dead_clients_connection_is_closed_and_the_server_forgets_it() -> None:
    machine, client, server, connection = pair()
    client.stop()
    client.start()
    assert not connection.open
    assert not server.life.endings
    server.stop()
    run_ms(machine, 10)
    assert client.lost == []


def test_both_ends_on_one_host() -> None:
    machine = Machine(1)
    place = host(machine, "both")
    client, server = Listener(machine, place), Listener(machine, place)
    connection = client.connect(server)
    for number in range(3):
        connection.to_server(10, server.hear, number)
    server.after(MILLISECOND, server.stop)
    run_ms(machine, 10)
    assert server.words() == [0, 1, 2]
    assert len(client.lost) == 1


def test_a_server_that_asks_hears_when_its_client_dies_or_hangs_up_after_what_was_sent_before() -> None:
    for ends in (Connection.close, lambda connection: connection._client.stop()):
        machine, _, server, connection = pair()
        connection.on_hang_up = lambda server=server: server.hear("gone")
        connection.to_server(10, server.hear, "last words")
        run_ms(machine, 3)
        ends(connection)
        ends(connection)
        run_ms(machine, 10)
        assert server.words() == ["last words", "gone"]
        assert server.heard[-1][0] == 3 * MILLISECOND + RESET_TAKES


def test_a_server_does_not_hear_of_a_client_that_hangs() -> None:
    machine, client, server, connection = pair()
    connection.on_hang_up = lambda: server.hear("gone")
    client.pause()
    run_ms(machine, 100_000)
    assert server.words() == []


def test_a_server_that_is_killed_keeps_its_connections_until_it_is_cleared_away() -> None:
    machine, client, server, _ = pair()
    server.clearing = 15 * MILLISECOND
    server.stop()
    run_ms(machine, 14)
    assert client.lost == []
    run_ms(machine, 20)
    assert client.lost == [15 * MILLISECOND + RESET_TAKES]


def test_what_waits_behind_a_cut_goes_with_the_connection() -> None:
    machine, _, server, connection = pair()
    machine.network.set_up("server", "rack-1", False)
    connection.to_server(100, server.hear, "late")
    connection.close()
    machine.network.set_up("server", "rack-1", True)
    run_ms(machine, 2000)
    assert server.heard == []
