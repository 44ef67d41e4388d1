"""delivery-semantics: to commit early loses, to commit late repeats, to commit with the bills does neither."""

from dataclasses import replace

import pytest

from scenarios.basics.delivery_semantics import BILLERS, Outcome, scenario, table
from sim.rules.facts.journal import AppStopped, BrokerStopped
from sim.run import Run
from sim.world.plan import Plan
from sim.world.settings import Settings
from tests.scenarios.flights import facts, has_trace_of_its_seed
from tests.scenarios.golden_files import golden, kept

SHORT: dict[str, object] = {
    "duration": "24s",
    "crash_at": "8s",
    "crash_again_at": "18s",
    "broker_crash_at": "27s",
    "broker_back_after": "2s",
}
CRASHES, ROUND = 2, 50


@pytest.fixture(scope="module")
def run() -> Run:
    return scenario.run(seed=0)


def wrong(run: Run) -> dict[str, tuple[int, int]]:
    """Lost and duplicated, by billing service."""
    return {name: (each["lost"], each["duplicated"]) for name, each in run.results["pipelines"].items()}


def check_the_claims(run: Run) -> None:
    """What the scenario says of each way to commit, in both directions."""
    found = wrong(run)
    lost, duplicated = found["at-most-once"]
    assert 0 < lost <= CRASHES * ROUND
    assert duplicated == 0
    lost, duplicated = found["at-least-once"]
    assert lost == 0
    assert 0 < duplicated <= CRASHES * ROUND
    assert found["auto-commit"][0] == 0
    assert found["auto-commit"][1] > duplicated
    assert found["exactly-once"] == (0, 0)
    for each in run.results["pipelines"].values():
        assert each["outputs"] == each["inputs"] - each["lost"] + each["duplicated"]
        assert each["open"] == 0


def test_summary_is_the_kept_one(run: Run) -> None:
    assert golden(run) == kept(run)


def test_early_loses_late_repeats_and_transactions_do_neither(run: Run) -> None:
    check_the_claims(run)
    assert [app.failure for app in run.flight.cluster.apps.values() if app.failure] == []


def test_all_services_get_the_same_orders_and_die_in_the_same_moments(run: Run) -> None:
    assert len({each["inputs"] for each in run.results["pipelines"].values()}) == 1
    killed = [(time, fact.app) for time, fact in facts(run, AppStopped) if fact.app in BILLERS and not fact.finished]
    assert killed == [(time, name) for time in (20.0, 32.0) for name in BILLERS]
    assert [time for time, _ in facts(run, BrokerStopped)] == [48.0]


def test_brokers_lose_and_double_nothing_and_only_transactions_are_aborted(run: Run) -> None:
    assert run.verdict.ok
    assert run.verdict.aborted > 0, "a crash has come in the middle of a transaction"
    assert run.verdict.redelivered["at-most-once"] == 0
    assert run.verdict.redelivered["exactly-once"] > 0, "read again, but what came of the first time does not count"


@pytest.mark.parametrize("seed", [1, 2])
def test_other_seeds_tell_the_same(seed: int) -> None:
    check_the_claims(scenario.run(seed=seed, set=SHORT))


def test_who_reads_uncommitted_gets_the_bills_of_aborted_transactions() -> None:
    committed, every = (
        scenario.run(set={**SHORT, "isolation.level": level}) for level in ("read_committed", "read_uncommitted")
    )
    assert wrong(committed)["exactly-once"] == (0, 0)
    lost, duplicated = wrong(every)["exactly-once"]
    assert lost == 0 < duplicated


def test_smaller_rounds_shrink_what_a_crash_costs_but_not_with_auto_commit() -> None:
    found = wrong(scenario.run(set={**SHORT, "max.poll.records": 5}))
    assert found["at-most-once"][0] <= CRASHES * 5
    assert found["at-least-once"][1] <= CRASHES * 5
    assert found["auto-commit"][1] > CRASHES * 5
    assert found["exactly-once"] == (0, 0)


def broker_alone(settings: Settings) -> Plan:
    """The plan without the crashes of the services."""
    plan = scenario.make(settings)
    return replace(plan, faults=plan.faults[CRASHES:])


def test_a_dead_broker_alone_costs_no_service_anything() -> None:
    early = {"duration": "14s", "broker_crash_at": "5s"}
    flown = replace(scenario, make=broker_alone).run(set=early)
    assert len(facts(flown, BrokerStopped)) == 1
    assert set(wrong(flown).values()) == {(0, 0)}
    assert flown.verdict.ok


def test_calm_flight_has_no_differences() -> None:
    calm = scenario.run(set={"duration": "10s"}, faults=False)
    assert calm.verdict.aborted == 0
    assert {tuple(each.values()) for each in calm.results["pipelines"].values()} == {
        (calm.results["pipelines"]["exactly-once"]["inputs"],) * 2 + (0, 0, 0)
    }


def test_cut_flight_takes_what_is_not_billed_yet_for_open() -> None:
    cut = scenario.run(until="7s")
    assert set(wrong(cut).values()) == {(0, 0)}
    assert all(each["open"] > 0 for each in cut.results["pipelines"].values())


def test_same_seed_same_trace_and_other_seed_another() -> None:
    assert has_trace_of_its_seed(scenario)


@pytest.mark.parametrize(
    ("inputs", "billed", "expected"),
    [
        (4, [0, 1, 2, 3], Outcome(4, 4, 0, 0, 0)),
        (4, [0, 3], Outcome(4, 2, 2, 0, 0)),
        (4, [0, 1, 0, 1, 2], Outcome(4, 5, 0, 2, 1)),
        (4, [], Outcome(4, 0, 0, 0, 4)),
    ],
)
def test_outcome(inputs: int, billed: list[int], expected: Outcome) -> None:
    assert Outcome.of(inputs, billed) == expected


def test_table_shows_open_orders_only_if_there_are_any() -> None:
    done, cut = Outcome.of(2, [0, 1]), Outcome.of(2, [0])
    assert [line.split() for line in table({"x": done})] == [
        ["inputs", "outputs", "lost", "duplicated"],
        ["x", "2", "2", "0", "0"],
    ]
    shown = table({"x": cut})
    assert shown[0].split()[-1] == "open"
    assert shown[1].split()[-1] == "1"
