"""What Kafka's keys mean: every key that has an effect is told, and no other."""

from dataclasses import fields

import pytest

from sim.rules.config import BrokerConfig, Config, ConsumerConfig, ProducerConfig, TopicConfig
from sim.rules.config.meanings import MEANINGS

KINDS = (ProducerConfig, ConsumerConfig, TopicConfig, BrokerConfig)


@pytest.mark.parametrize("kind", KINDS)
def test_each_key_with_an_effect_has_a_meaning(kind: type[Config]) -> None:
    assert {name.replace("_", ".") for name in kind.MODELLED} <= MEANINGS.keys()


def test_nothing_else_has_one() -> None:
    known = {field.name.replace("_", ".") for kind in KINDS for field in fields(kind)}
    assert MEANINGS.keys() <= known
    assert all(10 < len(meaning) < 110 and not meaning.endswith(".") for meaning in MEANINGS.values())
