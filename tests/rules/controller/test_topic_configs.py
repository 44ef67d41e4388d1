"""Topics' own configurations: changed by key, checked as a whole, worked out once."""

import pytest

from sim.rules.config import BrokerConfig
from sim.rules.controller.election import PartitionRegistration
from sim.rules.controller.metadata import ConfigRecord, MetadataImage, PartitionChange, RemoveTopicRecord, TopicRecord
from sim.rules.controller.topic_configs import (
    AlterConfigOp,
    AlterConfigOpType,
    InvalidConfigError,
    TopicConfigs,
    altered_config,
    config_entries,
)
from sim.rules.topics import TopicPartition

BROKER = BrokerConfig.of({"log.retention.ms": 5000})


def test_what_changes_nothing_is_not_written() -> None:
    own = {"retention.ms": 7}
    assert altered_config(BROKER, "t", own, [AlterConfigOp("retention_ms", 7)]) == []
    assert altered_config(BROKER, "t", own, [AlterConfigOp("retention.ms", 8)]) == [
        ConfigRecord("t", "retention.ms", 8)
    ]
    assert altered_config(BROKER, "t", {}, [AlterConfigOp("retention.ms", op=AlterConfigOpType.DELETE)]) == []


def test_keys_are_checked_together() -> None:
    low, high = AlterConfigOp("min.compaction.lag.ms", 10), AlterConfigOp("max.compaction.lag.ms", 5)
    assert len(altered_config(BROKER, "t", {}, [low])) == len(altered_config(BROKER, "t", {}, [high])) == 1
    with pytest.raises(InvalidConfigError, match=r"min\.compaction\.lag\.ms"):
        altered_config(BROKER, "t", {}, [low, high])


def test_an_entry_tells_where_its_value_comes_from() -> None:
    found = {entry.name: entry for entry in config_entries(BROKER, {"segment.ms": "1h"})}
    assert (found["segment.ms"].value, found["segment.ms"].source) == (3_600_000, "DYNAMIC_TOPIC_CONFIG")
    assert (found["retention.ms"].value, found["retention.ms"].source) == (5000, "STATIC_BROKER_CONFIG")
    assert found["min.insync.replicas"].is_default
    assert not found["retention.ms"].is_default


def test_an_image_follows_topics_as_they_come_change_and_go() -> None:
    partition = PartitionChange(TopicPartition("t", 0), PartitionRegistration((1,), (1,), 1))
    before = MetadataImage().applied(3, [TopicRecord("t"), ConfigRecord("t", "retention.ms", 9), partition])
    configs = TopicConfigs(BROKER)
    assert before.topic_ids == {"t": 1}
    assert before.partition_counts == {"t": 1}
    assert configs.of(before, "t").retention_ms == 9
    assert configs.of(before, "t") is configs.of(before, "t")
    same = before.applied(4, [partition])
    assert same.topic_configs is before.topic_configs
    assert same.topic_ids is before.topic_ids
    assert configs.of(before.applied(4, [ConfigRecord("t", "retention.ms", None)]), "t").retention_ms == 5000
    gone = before.applied(4, [RemoveTopicRecord("t")])
    assert not gone.partitions
    assert not gone.partition_counts
    assert not gone.topic_ids
    assert not gone.topic_configs
    assert gone.applied(5, [TopicRecord("t")]).topic_ids == {"t": 5}
