"""Typed configuration with Kafka's names and defaults.

Left out: security, listeners, metrics reporters, and other keys without meaning for a simulated cluster.
"""

from sim.rules.config.base import Config
from sim.rules.config.broker import BrokerConfig
from sim.rules.config.consumer import ConsumerConfig
from sim.rules.config.group import GroupConfig
from sim.rules.config.producer import ProducerConfig
from sim.rules.config.share_consumer import ShareConsumerConfig
from sim.rules.config.topic import TopicConfig, topic_config_from

__all__ = [
    "BrokerConfig",
    "Config",
    "ConsumerConfig",
    "GroupConfig",
    "ProducerConfig",
    "ShareConsumerConfig",
    "TopicConfig",
    "topic_config_from",
]
