"""Settings: knobs and Kafka's keys told apart, checked, and put in place."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.rules.errors import ConfigError
from sim.world.cluster import ClusterSpec
from sim.world.faults import BrokerCrash
from sim.world.plan import Plan
from sim.world.settings import KINDS, Knob, Settings, settings_from
from sim.world.topics import Topic

KNOBS = {
    "rate": Knob(450, "payments per second", 1, 1000),
    "share": Knob(0.01, "share of fraud", 0, 0.5),
    "duration": Knob("4m", "how long"),
    "arrivals": Knob("poisson:450", "how payments arrive"),
    "loud": Knob(False, "whether to shout"),
    "linger_ms": Knob(20, "linger of the gateways", 0, 60_000),
}
DEFAULTS = {name: knob.default for name, knob in KNOBS.items()}


def test_without_anything_given_the_defaults_hold() -> None:
    taken = settings_from(KNOBS, {}, seed=7)
    assert (taken.values, taken.seed, taken.faults, taken.input, taken.out) == (
        DEFAULTS,
        7,
        True,
        None,
        None,
    )
    assert taken["rate"] == 450
    assert taken.overrides == {kind: {} for kind in KINDS}


@pytest.mark.parametrize(
    ("key", "value", "knob", "expected"),
    [
        ("rate", "7", "rate", 7),
        ("rate", 7, "rate", 7),
        ("share", "0.25", "share", 0.25),
        ("share", "1e-3", "share", 0.001),
        ("duration", "1m30s", "duration", "1m30s"),
        ("arrivals", "constant:3", "arrivals", "constant:3"),
        ("loud", "true", "loud", True),
        ("loud", False, "loud", False),
        ("linger_ms", "5", "linger_ms", 5),
        ("linger-ms", "5", "linger_ms", 5),
        ("linger.ms", "5", "linger_ms", 5),
    ],
)
def test_knobs_take_values_of_the_type_of_their_default(key: str, value: object, knob: str, expected: object) -> None:
    taken = settings_from(KNOBS, {key: value})
    assert taken[knob] == expected
    assert type(taken[knob]) is type(KNOBS[knob].default)
    assert {name: value for name, value in taken.values.items() if name != knob} == {
        name: value for name, value in DEFAULTS.items() if name != knob
    }


@pytest.mark.parametrize(
    ("key", "kind", "dotted"),
    [
        ("acks", "producer", "acks"),
        ("batch.size", "producer", "batch.size"),
        ("batch_size", "producer", "batch.size"),
        ("producer.linger.ms", "producer", "linger.ms"),
        ("producer_linger_ms", "producer", "linger.ms"),
        ("session.timeout.ms", "consumer", "session.timeout.ms"),
        ("consumer.request.timeout.ms", "consumer", "request.timeout.ms"),
        ("min.insync.replicas", "topic", "min.insync.replicas"),
        ("broker.min.insync.replicas", "broker", "min.insync.replicas"),
        ("broker.session.timeout.ms", "broker", "broker.session.timeout.ms"),
        ("replica.fetch.min.bytes", "broker", "replica.fetch.min.bytes"),
    ],
)
def test_kafka_keys_find_their_kind(key: str, kind: str, dotted: str) -> None:
    value = "1" if dotted in ("acks", "min.insync.replicas") else "9000"
    assert settings_from(KNOBS, {key: value}).overrides == {name: {} for name in KINDS} | {kind: {dotted: value}}


@pytest.mark.parametrize(
    ("given_", "message"),
    [
        ({"rat": 1}, "unknown setting 'rat', did you mean 'rate'?"),
        ({"ackss": 1}, "unknown setting 'ackss', did you mean 'acks'?"),
        ({"lingerms": 1}, "did you mean 'linger"),
        ({"zzz": 1}, "unknown setting 'zzz'; there are rate, share, .* and Kafka's own keys"),
        ({"request.timeout.ms": 1}, "'request.timeout.ms' is ambiguous: write producer.request.timeout.ms or consumer"),
        ({"rate": "many"}, r"rate=many: write it like rate=450 \(payments per second\)"),
        ({"rate": "1.5"}, "rate=1.5: write it like rate=450"),
        ({"rate": ""}, "rate=: write it like rate=450"),
        ({"rate": None}, "rate=None: write it like rate=450"),
        ({"rate": 0}, "rate=0: must lie between 1 and 1000"),
        ({"rate": 1001}, "rate=1001: must lie between 1 and 1000"),
        ({"share": "nan"}, "share=nan: must lie between 0 and 0.5"),
        ({"share": "-inf"}, "share=-inf: must lie between 0 and 0.5"),
        ({"duration": "4"}, "duration=4: write it like duration=4m"),
        ({"duration": "-4m"}, "duration=-4m: write it like duration=4m"),
        ({"loud": "perhaps"}, "loud=perhaps: write it like loud=False"),
        ({"acks": "2"}, r"invalid value '2' for acks: expected a word in \[all, -1, 0, 1\]"),
        ({"producer.linger.ms": "soon"}, "invalid value 'soon' for linger.ms"),
        ({"session.timeout.ms": "1s"}, "Heartbeat must be set lower than the session timeout"),
    ],
)
def test_what_cannot_be_set_is_refused_in_one_line(given_: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as refused:
        settings_from(KNOBS, given_)
    assert "\n" not in str(refused.value)


@settings(max_examples=40)
@given(st.text(max_size=30), st.text(max_size=30))
def test_whatever_is_written_is_set_or_refused(key: str, value: str) -> None:
    try:
        taken = settings_from(KNOBS, {key: value})
    except ConfigError:
        return
    assert taken.values != DEFAULTS or any(taken.overrides.values()) or value == str(DEFAULTS[key])


PLAN = Plan(
    1,
    ClusterSpec(broker_config={"min_insync_replicas": 1}),
    (Topic("one", config={"min.insync.replicas": 2}), Topic("two")),
    faults=(BrokerCrash(broker=1, at="1s"),),
)


def test_a_plans_own_keys_for_clients_stay_where_the_user_says_nothing() -> None:
    own = replace(
        PLAN, client_overrides={"producer": {"acks": "0", "linger_ms": 7}, "consumer": {"max_poll_records": 3}}
    )
    plan = settings_from({}, {"acks": "1"}).applied(own)
    assert plan.client_overrides["producer"] == {"acks": "1", "linger.ms": 7}
    assert plan.client_overrides["consumer"] == {"max.poll.records": 3}


def test_overrides_win_in_every_topic_and_broker() -> None:
    taken = settings_from({}, {"min.insync.replicas": "3", "broker.min.insync.replicas": "4", "acks": "1"})
    plan = taken.applied(PLAN)
    assert [topic.config for topic in plan.topics] == [{"min.insync.replicas": "3"}] * 2
    assert plan.cluster.broker_config == {"min.insync.replicas": "4"}
    assert plan.client_overrides["producer"] == {"acks": "1"}
    assert plan.faults == PLAN.faults


def test_without_faults_there_are_none() -> None:
    plan = Settings(faults=False).applied(PLAN)
    assert plan.faults == ()
    assert [dict(topic.config) for topic in plan.topics] == [{"min.insync.replicas": 2}, {}]
