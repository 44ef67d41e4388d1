"""One wrong configuration or broken rule per anomaly, in a real flight: the black box finds it, and only then."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from sim.actors.broker.partition import Partition
from sim.actors.broker.replica_fetcher import ReplicaFetcher
from sim.actors.consumer.fetch_buffer import CompletedFetch, FetchBuffer
from sim.actors.consumer.fetcher import Fetcher
from sim.actors.producer.accumulator import Accumulator
from sim.world.flight import Flight
from tests.observe.anomalies.flights import (
    P,
    Q,
    fly,
    followers_pause,
    followers_resume,
    leader,
    leader_crashes,
    reader,
    source,
)
from tests.observe.anomalies.transactions import Together, aborting, crossing, hurried, pipes

Broken = Callable[[type, str, Callable[[Any], Any]], None]


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Broken:
    """Puts a broken method in the place of a right one, which it is given."""

    def put(owner: type, name: str, make: Callable[[Any], Any]) -> None:
        monkeypatch.setattr(owner, name, make(getattr(owner, name)))

    return put


def to_the_high_watermark(right: Any) -> Any:
    """A leader that lets everybody read up to the high watermark, decided or not."""

    def end_for(partition: Partition, session: Any) -> int:
        return partition.high_watermark.value if session.replica_id < 0 else int(right(partition, session))

    return end_for


def test_lost_write_of_acks_1_and_none_of_acks_all() -> None:
    crash = {5.0: followers_pause, 6.0: leader_crashes}
    found = fly({"source": source(9, acks="1"), "reader": reader()}, 20, crash)
    assert found.unexpected_names() == ["inconsistent-offsets", "lost-write", "unseen"]
    assert len(found.named("lost-write")) > 50
    assert fly({"source": source(9, acks="all"), "reader": reader()}, 20, crash).cases == []


def test_duplicate_and_nonmonotonic_send_without_idempotence() -> None:
    stall, config = {5.0: followers_pause, 6.0: followers_resume}, {"acks": "all", "request_timeout_ms": 500}
    unsafe = source(8, enable_idempotence=False, **config)
    found = fly({"source": unsafe, "reader": reader()}, 12, stall)
    assert found.unexpected_names() == ["duplicate", "nonmonotonic-send"]
    assert len(found.named("duplicate")) == 5, "max.in.flight.requests.per.connection"
    assert fly({"source": source(8, **config), "reader": reader()}, 12, stall).cases == []


def test_inconsistent_offsets_of_a_follower_that_does_not_truncate(broken: Broken) -> None:
    first: list[int] = []

    def crash(flight: Flight) -> None:
        first.append(leader(flight))
        leader_crashes(flight)
        flight.cluster.apps["dying"].stop()

    def restart(flight: Flight) -> None:
        flight.cluster.brokers[first[0]].start()

    def others_crash(flight: Flight) -> None:
        for broker_id, broker in flight.cluster.brokers.items():
            if broker_id != first[0]:
                broker.stop()

    story = {5.0: followers_pause, 6.0: crash, 15.0: restart, 30.0: others_crash}
    apps = {"source": source(12), "dying": source(12, every_ms=3), "reader": reader(), "late": reader(begins_s=45)}
    assert fly(apps, 60, story).cases == []
    first.clear()
    broken(ReplicaFetcher, "_wanted", lambda right: lambda *given: replace(right(*given), last_fetched_epoch=-1))
    assert "inconsistent-offsets" in fly(apps, 60, story).unexpected_names()


def test_unseen_behind_a_watermark_that_stands_still_for_consumers(broken: Broken) -> None:
    def still(right: Any) -> Any:
        def end_for(partition: Partition, session: Any) -> int:
            end = int(right(partition, session))
            return min(end, 100) if partition.name == P and session.replica_id < 0 else end

        return end_for

    apps = {"source": source(3), "reader": reader()}
    assert fly(apps, 6).cases == []
    broken(Partition, "end_for", still)
    found = fly(apps, 6)
    assert found.unexpected_names() == ["unseen"]
    assert found.cases[0].sentence.startswith("200 records of payments-0 acknowledged and never polled")


def test_poll_skip_of_a_position_that_moves_too_far(broken: Broken) -> None:
    def too_far(right: Any) -> Any:
        def take(fetch: CompletedFetch, *given: Any) -> int:
            taken = int(right(fetch, *given))
            if not fetch.is_used_up:
                fetch.next_offset += 1
                fetch.ownership.position = fetch.next_offset
            return taken

        return take

    apps = {"source": source(3, every_ms=3), "reader": reader(rest_ms=100, max_poll_records=20)}
    assert fly(apps, 9).cases == []
    broken(CompletedFetch, "take", too_far)
    found = fly(apps, 9)
    assert found.unexpected_names() == ["lost-write", "poll-skip", "unseen"]
    assert len(found.named("poll-skip")) == len(found.named("lost-write")) > 10


def test_nonmonotonic_poll_of_a_position_that_is_reset_for_no_reason(broken: Broken) -> None:
    def resetting(right: Any) -> Any:
        def prefer_leader(fetcher: Fetcher, ownership: Any) -> bool:
            ownership.needs("earliest")
            return bool(right(fetcher, ownership))

        return prefer_leader

    apps, crash = {"source": source(6), "reader": reader()}, {4.0: leader_crashes}
    assert fly(apps, 20, crash).cases == []
    broken(Fetcher, "_prefer_leader", resetting)
    found = fly(apps, 20, crash)
    assert found.unexpected_names() == ["nonmonotonic-poll"]
    assert found.cases[0].offsets[1] == 0


def test_int_poll_skip_of_a_batch_that_is_dropped(broken: Broken) -> None:
    def dropping(right: Any) -> Any:
        def take_in(fetch: CompletedFetch, *given: Any) -> None:
            right(fetch, *given)
            if len(fetch.batches) > 2:
                del fetch.batches[1]

        return take_in

    broken(CompletedFetch, "__init__", dropping)
    found = fly({"source": source(3, every_ms=3), "reader": reader(rest_ms=100)}, 6)
    assert found.unexpected_names() == ["lost-write", "int-poll-skip", "unseen"]


def test_int_nonmonotonic_poll_of_batches_handed_out_backwards(broken: Broken) -> None:
    broken(FetchBuffer, "collect", lambda right: lambda *given: right(*given)[::-1])
    found = fly({"source": source(3, every_ms=3), "reader": reader(rest_ms=100)}, 6)
    assert "int-nonmonotonic-poll" in found.unexpected_names()


def test_g1a_of_a_consumer_that_takes_no_heed_of_aborts(broken: Broken) -> None:
    apps = {"writer": aborting(), "reader": reader(isolation_level="read_committed")}
    assert fly(apps, 8).cases == []

    def heedless(right: Any) -> Any:
        def take_in(fetch: CompletedFetch, partition: Any, ownership: Any, next_offset: int, data: Any) -> None:
            data.aborted = ()
            right(fetch, partition, ownership, next_offset, data)

        return take_in

    broken(CompletedFetch, "__init__", heedless)
    assert fly(apps, 8).unexpected_names() == ["G1a"]


def test_g1a_of_read_uncommitted_is_expected_unless_all_are_held_to_committed() -> None:
    apps = {"writer": aborting(), "reader": reader(isolation_level="read_uncommitted")}
    found = fly(apps, 8)
    assert (found.names(), found.ok) == (["G1a"], True)
    assert fly(apps, 8, expect_committed=True).unexpected_names() == ["G1a"]


def test_precommitted_read_and_g1c_of_a_leader_that_hands_out_what_is_undecided(broken: Broken) -> None:
    for behaviours in (pipes(), {"self": Together(P, P)}):
        assert fly(behaviours, 8).unexpected == []
    broken(Partition, "end_for", to_the_high_watermark)
    assert fly({"self": Together(P, P)}, 8).unexpected_names() == ["precommitted-read"]
    found = fly(pipes(), 8)
    assert found.unexpected_names() == ["G1c"]
    assert found.unexpected[0].clients[0] in pipes()


def test_g0_and_int_send_skip_are_found_and_allowed() -> None:
    found = fly({**crossing(), "reader": reader(), "orders": reader(Q)}, 8)
    assert found.names() == ["int-send-skip", "G0"]
    assert found.ok


def test_int_nonmonotonic_send_of_a_producer_that_drains_the_newest_batch_first(broken: Broken) -> None:
    apps = {"writer": hurried(), "reader": reader()}
    assert fly(apps, 6).cases == []

    def newest_first(right: Any) -> Any:
        def drain(accumulator: Accumulator, broker_id: int) -> Any:
            for queue in accumulator._queues.values():
                for batch in queue:
                    accumulator._seal(batch)
                queue.reverse()
            return right(accumulator, broker_id)

        return drain

    broken(Accumulator, "drain", newest_first)
    assert "int-nonmonotonic-send" in fly(apps, 6).unexpected_names()
