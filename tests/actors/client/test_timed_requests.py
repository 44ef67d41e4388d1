"""Requests that are answered, or fail, within one time, even without a connection."""

from sim.actors.client.timed_requests import TimedRequests
from sim.rules.errors import ErrorCode
from sim.rules.protocol.messages import MetadataRequest
from tests.actors.client.test_network_client import World


def timed() -> tuple[World, TimedRequests]:
    world = World()
    return world, TimedRequests(world.owner, world.servers.__getitem__, 2000, 20)


def ask(world: World, requests: TimedRequests, node_id: int) -> None:
    requests.send(node_id, MetadataRequest(), world.answered)


def test_answered_with_and_without_a_connection() -> None:
    world, requests = timed()
    ask(world, requests, 2)
    world.run(10)
    ask(world, requests, 2)
    world.run(20)
    ((first, error), (second, other)) = world.answers
    assert (error, other) == (ErrorCode.NONE, ErrorCode.NONE)
    assert first < 2
    assert 10 < second < 11


def test_a_refused_connection_fails_at_once() -> None:
    world, requests = timed()
    world.servers[2].stop()
    ask(world, requests, 2)
    world.run(10)
    ((time_ms, error),) = world.answers
    assert error is ErrorCode.NETWORK_EXCEPTION
    assert time_ms < 1


def test_a_connection_that_does_not_come_about_is_not_waited_for_longer() -> None:
    world, requests = timed()
    world.machine.network.set_up("rack-2", "core", False)
    ask(world, requests, 2)
    world.run(60_000)
    assert world.answers == [(2000.0, ErrorCode.REQUEST_TIMED_OUT)]


def test_neither_is_an_answer_nor_a_process_that_hangs_before_it_says_hello() -> None:
    world, requests = timed()
    world.servers[2].pause()
    ask(world, requests, 2)
    world.run(1000)
    ask(world, requests, 1)
    world.run(1010)
    world.servers[1].pause()
    ask(world, requests, 1)
    world.run(10_000)
    assert [error for _, error in world.answers] == [
        ErrorCode.NONE,
        ErrorCode.REQUEST_TIMED_OUT,
        ErrorCode.REQUEST_TIMED_OUT,
    ]
    assert world.answers[1][0] == 2000.0
    assert world.answers[2][0] == 3010.0


def test_an_answer_after_the_time_is_over_is_ignored() -> None:
    world, requests = timed()
    world.servers[2].pause()
    ask(world, requests, 2)
    world.at(2500, world.servers[2].resume)
    world.run(10_000)
    assert world.answers == [(2000.0, ErrorCode.REQUEST_TIMED_OUT)]
