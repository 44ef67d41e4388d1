"""hello-topic: offsets count per partition, keys choose partitions, order holds per key and not beyond."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scenarios.basics.hello_topic import scenario
from sim.rules.errors import ConfigError
from sim.rules.facts.journal import GroupChanged
from sim.rules.producer.partitioner import partition_for_key
from sim.run import Run
from tests.scenarios.flights import facts, has_trace_of_its_seed
from tests.scenarios.golden_files import golden, kept

ROOT = Path(__file__).parents[2]
HASH = "from scenarios.basics.hello_topic import scenario; print(scenario.run(seed=5, until='20s').journal.sha256())"


@pytest.fixture(scope="module")
def run() -> Run:
    return scenario.run(seed=0)


def test_summary_is_the_kept_one(run: Run) -> None:
    assert golden(run) == kept(run)


def test_every_greeting_is_read_once(run: Run) -> None:
    assert run.verdict.ok
    assert run.verdict.acknowledged == run.verdict.delivered["readers"] > 1000
    assert run.verdict.redelivered["readers"] == 0


def test_offsets_count_from_zero_in_each_partition(run: Run) -> None:
    partitions = run.results["partitions"]
    assert list(partitions) == ["greetings-0", "greetings-1", "greetings-2"]
    assert all(each["offsets_without_gap"] for each in partitions.values())
    assert all(each["next_offset"] == each["records"] for each in partitions.values())
    assert sum(each["records"] for each in partitions.values()) == run.verdict.acknowledged


def test_the_key_alone_chooses_the_partition(run: Run) -> None:
    homes = [partition_for_key(b"key-%d" % person, 3) for person in range(12)]
    people = [each["people"] for each in run.results["partitions"].values()]
    assert people == [homes.count(partition) for partition in range(3)]
    assert run.results["people_in_several_partitions"] == 0


def test_order_holds_for_one_person_and_not_for_the_topic(run: Run) -> None:
    assert run.results["people_out_of_order"] == 0
    assert run.results["greetings_out_of_order"] > 0


def test_a_new_group_waits_three_seconds_for_more_members(run: Run) -> None:
    assert 3.0 < run.results["first_record_read_at_s"] < 3.2
    assert [change.state for _, change in facts(run, GroupChanged)] == [
        "PreparingRebalance",
        "CompletingRebalance",
        "Stable",
    ]


def test_one_partition_keeps_the_order_of_the_topic() -> None:
    alone = scenario.run(set={"partitions": 1, "duration": "10s"})
    assert alone.results["greetings_out_of_order"] == 0
    assert alone.verdict.ok


def test_null_keys_go_anywhere() -> None:
    nobody = scenario.run(set={"people": 0, "duration": "30s"})
    partitions = nobody.results["partitions"]
    assert nobody.verdict.ok
    assert {each["people"] for each in partitions.values()} == {0}
    assert len(partitions) > 1


def test_same_seed_same_trace_and_other_seed_another() -> None:
    assert has_trace_of_its_seed(scenario)


def test_trace_does_not_depend_on_the_hash_seed() -> None:
    traces = [
        subprocess.check_output(
            [sys.executable, "-c", HASH], cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": seed}, text=True
        )
        for seed in ("1", "2")
    ]
    assert len(traces[0].strip()) == 64
    assert traces[0] == traces[1]


@pytest.mark.parametrize("bad", [{"arrivals": "poison:20"}, {"arrivals": "poisson:-2"}, {"people": -1}, {"peple": 3}])
def test_bad_settings_are_one_line(bad: dict[str, object]) -> None:
    with pytest.raises(ConfigError) as refused:
        scenario.run(set=bad)
    assert "\n" not in str(refused.value)
    assert str(next(iter(bad.values()))) in str(refused.value) or "peple" in str(refused.value)
