"""Settings of clients as an application gives them: either spelling, the run's own first, contradictions refused."""

from collections.abc import Generator, Mapping
from typing import Any

import pytest
from simpy import Event

from sim.actors.client.app import App
from sim.actors.producer.producer import Producer
from sim.rules.errors import ConfigError
from tests.actors.flights import Story

Overrides = Mapping[str, Mapping[str, object]]


def app_with(overrides: Overrides | None = None) -> App:
    """A started application that only waits."""

    def idle(app: App) -> Generator[Event, Any, Any]:
        yield app.busy(ms=10_000)

    story = Story()
    app = story.cluster.app("payments-gateway", idle, overrides or {})
    app.start()
    return app


def test_both_spellings_of_a_key_are_the_same() -> None:
    app = app_with()
    dotted = app.producer(**{"linger.ms": 20, "client.id": "a", "compression.type": "lz4"})
    plain = app.producer(linger_ms=20, client_id="a", compression_type="lz4")
    assert dotted.config == plain.config
    assert dotted.config.linger_ms == 20
    assert (dotted.client_id, plain.client_id) == ("a", "a")
    settings: dict[str, Any] = {"client.id": "c", "max.poll.records": 7}
    assert app.consumer("g", **settings).config.max_poll_records == 7
    assert app.consumers[0].client_id == "c"


def test_clients_without_a_name_are_numbered() -> None:
    app = app_with()
    assert [app.producer().client_id for _ in range(2)] == [
        "payments-gateway-producer-1",
        "payments-gateway-producer-2",
    ]
    assert app.consumer("g").client_id == "payments-gateway-consumer-1"


def test_what_is_set_for_the_run_wins_in_either_spelling() -> None:
    app = app_with({"producer": {"linger.ms": 50, "client.id": "mine"}})
    made = app.producer(linger_ms=5, client_id="theirs")
    assert (made.config.linger_ms, made.client_id) == (50, "mine")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"enable.idempotence": True, "acks": "1"}, "Must set acks to all in order to use the idempotent producer"),
        ({"enable.idempotence": True, "retries": 0}, "Must set retries to non-zero when using the idempotent producer"),
        ({"max.in.flight.requests.per.connection": 6}, "must be set to at most 5. Current value is 6"),
        ({"transactional.id": "t", "enable.idempotence": False}, "Cannot set a transactional.id without also enabling"),
        ({"transactional.id": "t", "acks": "0"}, "Cannot set a transactional.id without also enabling"),
        ({"delivery.timeout.ms": 30_000}, "delivery.timeout.ms should be equal to or larger than linger.ms"),
        ({"delivery.timeout.ms": 1000, "request.timeout.ms": 1000}, "should be equal to or larger than linger.ms"),
        ({"lingerms": 5}, "unknown producer configuration key 'lingerms', did you mean 'linger.ms'?"),
        ({"compression.type": "brotli"}, "invalid value 'brotli' for compression.type"),
        ({"batch.size": "many"}, "invalid value 'many' for batch.size"),
        ({"max.block.ms": -1}, "invalid value -1 for max.block.ms"),
    ],
)
def test_a_wrong_or_contradicting_setting_is_refused_at_construction(settings: dict[str, object], message: str) -> None:
    app = app_with()
    with pytest.raises(ConfigError) as caught:
        app.producer(**settings)
    assert message in str(caught.value)
    assert app.producers == []


@pytest.mark.parametrize("settings", [{"acks": "1"}, {"acks": 0}, {"retries": 0}])
def test_idempotence_that_was_not_asked_for_goes_off_in_silence(settings: dict[str, object]) -> None:
    made: Producer = app_with().producer(**settings)
    assert not made.config.enable_idempotence
    assert app_with().producer().config.enable_idempotence
