"""The recorder changes nothing of a flight, and what it keeps agrees with the rest of the run."""

from functools import cache

from scenarios import find
from sim.run import Run


@cache
def recorded() -> Run:
    return find("broker-failure").run(recorded=True, until="35s")


def test_a_recorder_changes_no_fact() -> None:
    plain = find("broker-failure").run(until="35s")
    assert plain.recorder is None
    assert plain.journal.sha256() == recorded().journal.sha256()


def test_a_run_without_a_recorder_is_flown_again_for_one() -> None:
    again = find("broker-failure").run(until="35s").recorded()
    kept = recorded().recorded()
    assert again.steps == kept.steps
    assert again.commits == kept.commits
    assert again.loads == kept.loads
    assert [fact.sent_at for fact in again.requests] == [fact.sent_at for fact in kept.requests]


def test_what_befalls_a_request_is_in_order() -> None:
    requests = recorded().recorded().requests
    assert requests
    assert [fact.sent_at for fact in requests] == sorted(fact.sent_at for fact in requests)
    answered = [fact for fact in requests if fact.returned_at >= 0]
    assert answered
    assert all(fact.sent_at < fact.arrived_at <= fact.answered_at < fact.returned_at for fact in answered)


def test_what_is_sent_to_a_dead_broker_has_no_answer() -> None:
    lost = [f for f in recorded().recorded().requests if f.server == "broker-1" and 20e9 < f.sent_at < 34e9]
    assert lost
    assert all(fact.arrived_at == fact.returned_at == -1 for fact in lost)


def test_produced_records_are_those_of_the_logs() -> None:
    run = recorded()
    ends = {str(name): steps[-1].log_end_offset for name, steps in run.recorded().steps.items()}
    assert ends == {str(name): run.flight.cluster.log(name).log_end_offset for name in run.flight.cluster.partitions()}


def test_offsets_stand_in_their_order() -> None:
    for steps in recorded().recorded().steps.values():
        assert all(step.last_stable_offset <= step.high_watermark <= step.log_end_offset for step in steps)
        assert [step.time_s for step in steps] == sorted({step.time_s for step in steps})


def test_the_last_commit_is_the_committed_offset() -> None:
    run = recorded()
    committed = run.flight.cluster.committed_offsets("packing")
    assert committed
    assert {name: found[-1][1] for (_, name), found in run.recorded().commits.items()} == committed
