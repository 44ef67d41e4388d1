"""An actor owns what it has started: death voids it, a pause keeps it in order."""

from collections.abc import Generator
from typing import Any

import pytest
from simpy import Event

from sim.machine.actor import Actor
from sim.machine.clock import MILLISECOND
from sim.machine.machine import Machine
from sim.machine.streams import Streams
from tests.machine.stage import Listener, host, pair, run_ms


def listener(name: str = "broker-1") -> tuple[Machine, Listener]:
    machine = Machine(1)
    return machine, Listener(machine, host(machine, name))


def tick(actor: Listener, count: int = 100) -> Generator[Event, Any, None]:
    for number in range(count):
        yield actor.sleep(MILLISECOND)
        actor.hear(number)


def test_a_stopped_actors_timers_and_processes_never_run() -> None:
    machine, actor = listener()
    actor.spawn(tick(actor))
    actor.every(MILLISECOND, lambda: actor.hear("tick"))
    actor.at(5 * MILLISECOND, actor.hear, "at")
    actor.after(5 * MILLISECOND, actor.hear, "after")
    run_ms(machine, 2.5)
    assert actor.words() == ["tick", 0, "tick", 1]
    actor.stop()
    run_ms(machine, 100)
    assert len(actor.heard) == 4


def test_a_new_life_hears_nothing_of_the_old_one() -> None:
    machine, actor = listener()
    actor.at(5 * MILLISECOND, actor.hear, "old")
    actor.spawn(tick(actor))
    actor.stop()
    actor.start()
    actor.at(5 * MILLISECOND, actor.hear, "new")
    run_ms(machine, 10)
    assert actor.words() == ["new"]


def test_what_is_booked_or_spawned_without_a_life_never_runs() -> None:
    machine, actor = listener()
    actor.stop()
    actor.after(1, actor.hear, "timer")
    actor.spawn(tick(actor))
    actor.start()
    run_ms(machine, 10)
    assert actor.heard == []


def test_starting_twice_begins_one_life() -> None:
    machine = Machine(1)
    starts: list[int] = []

    class Counter(Actor):
        def on_start(self) -> None:
            starts.append(self.now_ms)

    actor = Counter(machine, "one", host(machine, "one"))
    actor.start()
    actor.start()
    assert starts == [0]
    actor.stop()
    actor.stop()
    run_ms(machine, 7)
    actor.start()
    assert starts == [0, 7]


def test_a_paused_actor_finds_everything_in_order_when_it_resumes() -> None:
    machine, actor = listener()
    actor.at(3 * MILLISECOND, actor.hear, "a")
    actor.spawn(tick(actor, 1))
    actor.at(4 * MILLISECOND, actor.hear, "b")
    actor.at(2 * MILLISECOND, actor.hear, "c")
    actor.pause()
    run_ms(machine, 20)
    assert actor.heard == []
    actor.at(21 * MILLISECOND, actor.hear, "d")
    actor.resume()
    run_ms(machine, 30)
    now = 20 * MILLISECOND
    assert actor.heard == [
        (now, "c"),
        (now, "a"),
        (now, "b"),
        (21 * MILLISECOND, "d"),
        (21 * MILLISECOND, 0),
    ]


def test_a_pause_or_a_stop_in_the_middle_of_a_resume_holds_the_rest_back() -> None:
    machine, actor = listener()
    for number, step in enumerate((actor.pause, actor.stop)):
        actor.after(1, step)
        actor.after(1, actor.hear, number)
    actor.pause()
    run_ms(machine, 1)
    actor.resume()
    assert actor.heard == []
    actor.resume()
    assert actor.words() == [0]
    actor.resume()
    run_ms(machine, 2)
    assert actor.words() == [0]


def test_a_dead_actor_cannot_be_paused_or_resumed() -> None:
    machine, actor = listener()
    actor.after(1, actor.hear, "late")
    actor.stop()
    actor.pause()
    actor.resume()
    run_ms(machine, 1)
    assert actor.heard == []
    actor.start()
    actor.after(1, actor.hear, "alive")
    run_ms(machine, 2)
    assert actor.words() == ["alive"]


def test_a_timer_that_restarts_its_actor_ends_with_the_old_life() -> None:
    machine, actor = listener()

    def restart() -> None:
        actor.hear("restart")
        actor.stop()
        actor.start()

    actor.every(MILLISECOND, restart)
    run_ms(machine, 10)
    assert actor.words() == ["restart"]


def test_a_process_that_stops_its_own_actor_takes_no_further_step() -> None:
    machine, actor = listener()

    def suicide() -> Generator[Event, Any, None]:
        yield actor.sleep(1)
        actor.stop()
        actor.hear("last words")
        yield actor.sleep(1)
        actor.hear("from the grave")

    actor.spawn(suicide())
    run_ms(machine, 10)
    assert actor.words() == ["last words"]


def test_finally_clauses_run_when_the_actor_stops_and_not_later() -> None:
    machine, actor = listener()

    def careful(name: str) -> Generator[Event, Any, None]:
        try:
            yield actor.sleep(50 * MILLISECOND)
        finally:
            actor.hear(f"{name} closed")
            actor.after(1, actor.hear, "never")
            yield actor.sleep(1)
            actor.hear("never")

    actor.spawn(careful("one"))
    actor.spawn(careful("two"))
    run_ms(machine, 3)
    actor.stop()
    run_ms(machine, 100)
    assert actor.heard == [(3 * MILLISECOND, "one closed"), (3 * MILLISECOND, "two closed")]


def test_a_life_forgets_processes_that_have_ended() -> None:
    machine, actor = listener()
    for count in range(5):
        actor.spawn(tick(actor, count))
    run_ms(machine, 2.5)
    assert len(actor.life.processes) == 2
    run_ms(machine, 10)
    assert not actor.life.processes


def test_an_error_for_a_dead_process_is_nobodys_error() -> None:
    machine, actor = listener()
    bad_news = machine.clock.event()

    def waits() -> Generator[Event, Any, None]:
        yield bad_news

    actor.spawn(waits())
    run_ms(machine, 1)
    actor.stop()
    bad_news.fail(KeyError("too late"))
    run_ms(machine, 2)
    assert bad_news.processed


def test_an_error_for_a_paused_process_is_thrown_when_it_resumes() -> None:
    machine, actor = listener()
    bad_news = machine.clock.event()

    def waits() -> Generator[Event, Any, None]:
        try:
            yield bad_news
        except KeyError:
            actor.hear("caught")

    actor.spawn(waits())
    run_ms(machine, 1)
    actor.pause()
    bad_news.fail(KeyError("hung"))
    run_ms(machine, 2)
    assert actor.heard == []
    actor.resume()
    assert actor.heard == [(2 * MILLISECOND, "caught")]


def test_an_error_in_a_living_process_ends_the_run() -> None:
    machine, actor = listener()

    def wrong() -> Generator[Event, Any, None]:
        yield actor.sleep(1)
        raise KeyError("a bug")

    actor.spawn(wrong())
    with pytest.raises(KeyError, match="a bug"):
        run_ms(machine, 1)


def test_a_process_may_wait_for_another_and_get_its_result() -> None:
    machine, actor = listener()

    def child() -> Generator[Event, Any, str]:
        yield actor.sleep(MILLISECOND)
        return "done"

    def parent() -> Generator[Event, Any, None]:
        actor.hear((yield actor.spawn(child())))

    actor.spawn(parent())
    run_ms(machine, 2)
    assert actor.heard == [(MILLISECOND, "done")]


def test_messages_for_a_paused_actor_pile_up_in_order() -> None:
    machine, client, server, connection = pair()
    server.pause()
    for number in range(1000):
        connection.to_server(10, server.hear, number)
    run_ms(machine, 5)
    assert server.heard == []
    server.resume()
    assert server.words() == list(range(1000))
    assert client.lost == []


def test_an_actor_draws_from_the_stream_of_its_name() -> None:
    machine, actor = listener("broker-3")
    assert actor.random is machine.streams["broker-3"]
    assert actor.random.random() == Streams(1)["broker-3"].random()


def test_facts_are_announced_with_the_time() -> None:
    machine, actor = listener()
    told: list[tuple[int, object]] = []
    machine.facts.listen(str, lambda time, fact: told.append((time, fact)))
    actor.after(7, actor.announce, "elected")
    run_ms(machine, 1)
    assert told == [(7, "elected")]


def test_each_piece_of_a_backlog_takes_its_time_and_what_comes_meanwhile_waits_behind() -> None:
    machine, actor = listener()
    actor.backlog_cost = 2 * MILLISECOND
    for number in (1, 2, 3):
        actor.after(number * MILLISECOND, actor.hear, number)
    actor.after(7 * MILLISECOND, actor.hear, "meanwhile")
    actor.pause()
    machine.clock.call_at(6 * MILLISECOND, actor.resume)
    run_ms(machine, 30)
    assert [(time // MILLISECOND, what) for time, what in actor.heard] == [
        (6, 1), (8, 2), (10, 3), (12, "meanwhile"),
    ]  # fmt: skip
    actor.hear("free")
    assert not actor.life.paused
