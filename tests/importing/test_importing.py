"""A real cluster is read from what tools print, and flown without one of its brokers."""

from pathlib import Path

import pytest

from sim.importing import read_groups, read_layout, script_of
from sim.importing.script import rates_between
from sim.rules.errors import ConfigError
from sim.rules.facts.journal import BrokerStopped
from sim.scenario_file import scenario_of
from sim.world.script.reading import read_script
from sim.world.script.writing import write_script
from tests.importing.printed import GROUPS, KCAT, TOPICS


def file(folder: Path, text: str) -> Path:
    path = folder / "printed"
    path.write_text(text, encoding="utf-8")
    return path


def test_topics_as_kafka_describes_them(tmp_path: Path) -> None:
    layout = read_layout(file(tmp_path, TOPICS))
    assert [each.leader for each in layout.topics["payments"]] == [102, 103, -1]
    assert layout.topics["payments"][1].replicas == (103, 101, 102)
    assert layout.configs["payments"]["cleanup.policy"] == "compact,delete"
    assert layout.broker_ids() == (101, 102, 103, 104)
    assert layout.under_replicated() == ["payments-1", "payments-2"]


def test_topics_as_kcat_lists_them(tmp_path: Path) -> None:
    layout = read_layout(file(tmp_path, KCAT))
    assert [each.leader for each in layout.topics["payments"]] == [102, 101]
    assert layout.broker_ids() == (101, 102)
    assert layout.under_replicated() == ["payments-1"]


def test_groups_and_the_rates_between_two_looks(tmp_path: Path) -> None:
    audit, fraud = read_groups(file(tmp_path, GROUPS))
    assert (audit.group_id, audit.members, audit.lag) == ("audit", 0, 100)
    assert (fraud.topics, fraud.members, fraud.lag, fraud.log_ends) == (("payments",), 2, 40, {"payments": 360})
    later = read_groups(file(tmp_path, GROUPS.replace(" 120 ", " 720 ")))
    assert rates_between([fraud], [later[1]], 60) == {"payments": 10}


def test_the_cluster_minus_a_broker_flies(tmp_path: Path) -> None:
    layout, groups = read_layout(file(tmp_path, TOPICS)), read_groups(file(tmp_path, GROUPS))
    script = script_of(layout, groups, {"payments": 50}, minus=102, duration="15s")
    text = write_script(script)
    assert read_script(text, "cluster") == script
    assert script.topics[0].replicas == ((2, 3, 1), (3, 1, 2), (1, 2, 3))
    assert script.topics[0].leaders == (2, 3, 1)
    assert "confluent.tier.enable" not in script.topics[0].config
    assert "payments-1, payments-2 were in sync" in script.story
    run = scenario_of(text, "cluster", lambda name: pytest.fail(name)).run(seed=0)
    assert [fact.broker_id for _, fact in run.facts if isinstance(fact, BrokerStopped)] == [2]
    assert run.metrics.records_acknowledged > 500
    assert run.verdict.ok


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("nothing of it", "holds no partition"),
        ("{}", "there is no 'topics'"),
        ('{"topics": [], "brokers": []}', "lists no topic"),
        (TOPICS.replace("Leader: 102", "Leader: x"), "Leader is 'x'; it must be a whole number"),
        (TOPICS.replace("Partition: 1\t", "Partition: 7\t"), "has no partition 1"),
        (TOPICS.replace("Replicas: 102,103,101", "Replicas: "), "without Replicas"),
    ],
)
def test_another_layout_is_one_line(text: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=told):
        read_layout(file(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("nothing", "holds no group"),
        (GROUPS.replace("LAG ", "LATE "), "has no column LAG"),
        (GROUPS.replace(" 110 ", " many "), "LOG-END-OFFSET is 'many'"),
    ],
)
def test_other_groups_are_one_line(text: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=told):
        read_groups(file(tmp_path, text))


def test_what_the_layout_does_not_have_is_one_line(tmp_path: Path) -> None:
    layout = read_layout(file(tmp_path, TOPICS))
    with pytest.raises(ConfigError, match="no broker 7 in the layout; there are 101, 102, 103, 104"):
        script_of(layout, minus=7)
    with pytest.raises(ConfigError, match="did you mean 'payments'"):
        script_of(layout, rates={"payment": 5})
