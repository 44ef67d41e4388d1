"""Connections of a client: backoff, time-outs, API versions, the choice of a node."""

from collections.abc import Callable
from itertools import pairwise
from math import inf

import pytest

from sim.actors.broker.socket_server import Server, ServerRequest
from sim.actors.client.network_client import NetworkClient
from sim.machine.actor import Actor
from sim.machine.clock import MILLISECOND, SECOND
from sim.machine.machine import Machine
from sim.rules.errors import ErrorCode
from sim.rules.protocol.messages import ErrorResponse, Message, MetadataRequest

Answers = list[tuple[float, ErrorCode]]


class Echo(Server):
    """Answers everything at once, with no error."""

    def handle(self, request: ServerRequest) -> None:
        request.reply(ErrorResponse(ErrorCode.NONE))


class World:
    """Servers 1 to 3 in a rack each, and a client in the first rack."""

    def __init__(self, **settings: int) -> None:
        self.machine = Machine(7)
        add_host = self.machine.network.add_host
        self.owner = Actor(self.machine, "client", add_host("client", "rack-1"))
        self.owner.start()
        self.servers = {n: Echo(self.machine, f"s{n}", add_host(f"s{n}", f"rack-{n}")) for n in (1, 2, 3)}
        for server in self.servers.values():
            server.start()
        self.client = NetworkClient(self.owner, self.servers.__getitem__, **settings)
        self.answers: Answers = []

    @property
    def now_ms(self) -> float:
        return int(self.machine.clock.now) / MILLISECOND

    def run(self, until_ms: float) -> None:
        self.machine.clock.run(until=round(until_ms * MILLISECOND))

    def at(self, time_ms: float, function: Callable[[], object]) -> None:
        self.machine.clock.call_at(round(time_ms * MILLISECOND), function)

    def ask(self, node_id: int, times: int = 1) -> None:
        for _ in range(times):
            self.client.request(node_id, MetadataRequest(), self.answered)

    def answered(self, response: Message) -> None:
        assert isinstance(response, ErrorResponse)
        self.answers.append((self.now_ms, response.error))

    def attempts(self, node_id: int, until_ms: float) -> list[float]:
        """Try to connect again whenever that fails, and note when it does."""
        failed: list[float] = []

        def then(success: bool) -> None:
            assert not success
            failed.append(self.now_ms)
            self.client.connect(node_id, then)

        self.client.connect(node_id, then)
        self.run(until_ms)
        return failed


def test_reconnect_backoff_doubles_from_50_ms_to_1_s() -> None:
    world = World()
    world.servers[2].stop()
    failed = world.attempts(2, until_ms=10_000)
    waits = [later - earlier for earlier, later in pairwise(failed)]
    for wait, expected in zip(waits, (50, 100, 200, 400, 800, 1000, 1000), strict=False):
        assert 0.8 * expected <= wait <= 1.2 * expected + 2
    assert 13 <= len(failed) <= 15


def test_backoff_starts_again_after_a_connection_that_worked() -> None:
    world = World()
    world.servers[2].stop()
    world.at(5000, world.servers[2].start)
    world.at(6100, world.servers[2].stop)
    for time_ms in (0, 200, 600, 1200, 2400):
        world.at(time_ms, lambda: world.ask(2))
    world.at(5900, lambda: world.ask(2))
    world.run(6000)
    assert [error for _, error in world.answers] == [ErrorCode.NETWORK_EXCEPTION] * 5 + [ErrorCode.NONE]
    world.run(6101)
    assert 40 <= world.attempts(2, until_ms=6400)[0] - 6100 <= 62


def test_all_requests_in_flight_time_out_together_with_the_first() -> None:
    world = World(request_timeout_ms=2000)
    world.ask(2)
    world.run(100)
    world.servers[2].pause()
    world.ask(2)
    world.at(900, lambda: world.ask(2, times=2))
    world.run(5000)
    times, errors = zip(*world.answers[1:], strict=True)
    assert errors == (ErrorCode.REQUEST_TIMED_OUT,) * 3
    assert times == (2100.0,) * 3


def test_a_hung_server_takes_no_request_before_it_has_told_its_api_versions() -> None:
    """So what is sent again after a time-out does not pile up in the sockets of the hung server."""
    world = World(request_timeout_ms=2000)
    world.ask(2)
    world.run(100)
    world.servers[2].pause()
    world.ask(2)
    world.at(2200, lambda: world.ask(2))
    world.at(3000, world.servers[2].resume)
    world.run(2999)
    assert not world.client.connected(2)
    world.run(3100)
    assert world.client.connected(2)
    assert [error for _, error in world.answers] == [
        ErrorCode.NONE,
        ErrorCode.REQUEST_TIMED_OUT,
        ErrorCode.NONE,
    ]
    assert 3000 < world.answers[2][0] < 3002


def test_a_node_that_cannot_be_reached_is_given_10_then_20_then_30_seconds() -> None:
    world = World()
    world.machine.network.set_up("rack-3", "core", False)
    failed = world.attempts(3, until_ms=100_000)
    waits = [later - earlier for earlier, later in pairwise([0.0, *failed])]
    for wait, expected in zip(waits, (10_000, 20_000, 30_000), strict=False):
        assert 0.8 * expected <= wait <= min(1.2 * expected, 30_000) + 1300


def test_least_loaded_prefers_ready_nodes_then_those_not_in_backoff() -> None:
    world = World()
    nodes = [1, 2, 3]
    assert {world.client.least_loaded(nodes) for _ in range(40)} == {1, 2, 3}
    world.ask(2)
    world.run(100)
    assert {world.client.least_loaded(nodes) for _ in range(40)} == {2}
    world.servers[2].pause()
    world.ask(2)
    assert world.client.least_loaded(nodes) == 2
    world.servers[1].stop()
    world.ask(1)
    world.run(102)
    assert world.client.in_flight_count(2) == 1
    world.client.disconnect(2)
    assert {world.client.least_loaded(nodes) for _ in range(40)} == {3}
    assert world.client.least_loaded([1, 2]) is None


def test_no_more_requests_in_flight_than_allowed() -> None:
    world = World(max_in_flight=5)
    world.ask(1)
    world.run(100)
    world.servers[1].pause()
    sent = 0
    while world.client.can_send(1) and sent < 10:
        world.ask(1)
        sent += 1
    assert sent == 5
    assert world.client.least_loaded([1]) is None


def test_a_closed_client_books_and_calls_nothing_any_more() -> None:
    world = World(request_timeout_ms=1000)
    world.ask(1)
    world.run(100)
    world.servers[1].pause()
    world.ask(1, times=3)
    world.ask(2)
    world.client.close()
    world.ask(3)
    world.servers[1].resume()
    world.run(5000)
    assert len(world.answers) == 1
    assert not any(map(world.client.connected, (1, 2, 3)))
    assert world.machine.clock.peek() == inf


def test_sending_without_a_connection_is_an_error_of_the_caller() -> None:
    world = World()
    with pytest.raises(KeyError):
        world.client.send(1, MetadataRequest(), world.answered)
    world.ask(1)
    world.run(100)
    world.servers[1].stop()
    world.run(100 + SECOND / MILLISECOND)
    with pytest.raises(ValueError, match="not connected to node 1"):
        world.client.send(1, MetadataRequest(), world.answered)
