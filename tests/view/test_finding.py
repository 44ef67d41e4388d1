from sim.observe.fates import RecordFate
from sim.observe.metrics import Sample
from sim.observe.verdict import Verdict
from sim.rules.errors import ErrorCode
from sim.rules.facts.journal import AppStopped, BatchFailed
from sim.rules.storage.batch import RecordColumns
from sim.rules.topics import TopicPartition
from sim.view.finding import finding
from sim.world.plan import Plan
from sim.world.topics import Topic
from tests.view.made import SECOND, fault, gauges, made_run

SOURCE_ENDS = (99 * SECOND, AppStopped("gateway", True))
FATE = RecordFate("payments-0", "gateway", 3, None, 1.0, 1.1, "cause")


def waits(values: dict[int, float]) -> list[Sample]:
    return gauges("produce-latency-ms", values, 20.0, topic="payments", quantile="max")


def lag(group: str, records: dict[int, float], seconds: dict[int, float]) -> list[Sample]:
    return [
        *gauges("records-lag", records, 10, group=group, partition="payments-0"),
        *gauges("records-lag-seconds", seconds, 0.5, group=group, partition="payments-0"),
    ]


def test_two_faults_are_told_with_what_each_cost() -> None:
    samples = [
        *waits({35: 8650.0}),
        *lag("fraud", {35: 900, 75: 7837}, {35: 9.0, 75: 48.6}),
        *lag("warehouse", {35: 1000}, {35: 9.2}),
    ]
    facts = [*fault("broker 2", 30, 40), *fault("detector-2", 60, 80), SOURCE_ENDS]
    assert finding(made_run(samples, facts, acknowledged={"payments": 1214, "alerts": 20})) == (
        "1,214 payments, none lost; broker 2 down: acknowledgements 8.7 s late; "
        "detector-2 down: fraud 49 s (7,837 records) behind"
    )


def test_both_costs_are_told_when_one_does_not_explain_the_other() -> None:
    samples = [*waits({35: 9000.0}), *lag("fraud", {50: 500}, {50: 30.0})]
    told = finding(made_run(samples, [*fault("broker 2", 30, 40), SOURCE_ENDS]))
    assert told.endswith("broker 2 down: acknowledgements 9.0 s late, fraud 30 s (500 records) behind")


def test_lag_from_before_the_fault_is_not_its_cost() -> None:
    catching_up = {second: 40.0 - second for second in range(1, 40)}
    run = made_run([*waits({}), *lag("fraud", {}, catching_up)], [*fault("broker 2", 10, 20), SOURCE_ENDS])
    assert finding(run).endswith("broker 2 down: no cost to be seen")


def test_faults_that_overlap_share_their_cost() -> None:
    facts = [*fault("broker 1", 30, 50), *fault("broker 2", 40, 60), SOURCE_ENDS]
    told = finding(made_run([*waits({45: 2000.0}), *gauges("OfflinePartitionsCount", {46: 2, 47: 1})], facts))
    assert told.endswith("; broker 1 down and broker 2 down: acknowledgements 2.0 s late, partitions offline for 2 s")


def test_of_many_faults_the_three_dearest_are_told_in_order_of_time() -> None:
    facts = [pair for n in range(5) for pair in fault(f"broker {n}", 10 + 20 * n, 15 + 20 * n)]
    run = made_run(waits({12: 500.0, 32: 9000.0, 52: 2000.0, 72: 400.0, 92: 3000.0}), [*facts, SOURCE_ENDS])
    told = finding(run).split("; ")[1:]
    assert [clause.partition(" down")[0] for clause in told] == ["broker 1", "broker 2", "broker 4"]


def test_acknowledgements_that_never_come_are_told() -> None:
    until_40 = [sample for sample in waits({}) if sample.time_s <= 40]
    facts = fault("broker 2", 40)
    assert finding(made_run(until_40, facts)).endswith("broker 2 down: none acknowledged in the last 1 min 00 s")
    assert finding(made_run(until_40, [*facts, SOURCE_ENDS])).endswith("broker 2 down: no cost to be seen")


def test_what_went_wrong_with_records_is_counted() -> None:
    verdict = Verdict(5, lost=[FATE, FATE], duplicated=[FATE], undelivered=[FATE] * 3)
    run = made_run(acknowledged={"payments": 5}, verdict=verdict)
    assert finding(run).startswith("5 payments, 2 lost, 1 duplicated, 3 not delivered; ")
    cut_short = made_run(acknowledged={"payments": 5}, verdict=verdict, until=100 * SECOND)
    assert "3 not yet delivered" in finding(cut_short)


def test_records_that_a_producer_gave_up_are_counted() -> None:
    batch = RecordColumns(3, [0, 0, 0], 100)
    failed = BatchFailed("gateway", TopicPartition("payments", 0), ErrorCode.NOT_ENOUGH_REPLICAS, batch)
    told = finding(made_run(facts=[(SECOND, failed), (2 * SECOND, failed)], acknowledged={"payments": 5}))
    assert told.startswith("5 payments, none lost, 6 given up by their producer; ")


def test_a_calm_run_is_told_by_its_latency_and_lag() -> None:
    samples = [*waits({50: 43.1}), *lag("fraud", {50: 1118}, {50: 2.0})]
    assert finding(made_run(samples, acknowledged={"payments": 9})) == (
        "9 payments, none lost; no faults: acknowledged within 43.1 ms, fraud at most 1,118 records behind"
    )


def test_the_busiest_topic_is_named_and_only_a_plural_is_a_noun() -> None:
    plan = Plan(duration=SECOND, topics=(Topic("hello"), Topic("web-clicks")))
    assert finding(made_run(plan=plan, acknowledged={"hello": 3, "web-clicks": 2})).startswith("3 records in hello, ")
    assert finding(made_run(plan=plan)).startswith("no records, none lost")


def test_a_scenario_with_another_story_tells_its_own_finding() -> None:
    run = made_run([], [*fault("broker 2", 30, 40), SOURCE_ENDS], acknowledged={"payments": 10})
    run.results = {"finding": "eager stops everything; static nothing"}
    assert finding(run) == "eager stops everything; static nothing"
