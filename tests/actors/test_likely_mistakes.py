"""What a newcomer gets wrong is told in one clear line; the same line written rightly works."""

from collections.abc import Callable, Generator
from typing import Any

import pytest
from simpy import Event

from sim.actors.client.app import App
from sim.actors.producer.delivery import Delivery
from sim.rules.config import ConsumerConfig, ProducerConfig
from sim.rules.errors import ConfigError, IllegalStateError
from sim.world.flight import Flight
from sim.world.plan import AppSpec, Plan
from sim.world.topics import Topic

Steps = Generator[Event, Any, Any]


def fly(behaviour: Callable[[App], Any]) -> App:
    """Fly one application until it has ended, for a minute at most."""
    spec = AppSpec("novice", behaviour, finite=True)
    flight = Flight(Plan(duration=None, drain=0, topics=(Topic("orders", 2, 3),), apps=(spec,)), seed=0)
    for now in flight.fly():
        assert now < 60_000_000_000
    return flight.cluster.apps["novice"]


def test_a_send_that_nobody_waited_for_is_told_at_the_next_call_or_at_the_end() -> None:
    def forgotten(app: App) -> Steps:
        producer = app.producer()
        producer.send("orders", b"paid")
        yield app.busy(ms=1)
        yield from producer.flush()

    def last(app: App) -> Steps:
        yield from app.producer().flush()
        app.producer().send("orders", b"paid")

    for behaviour in (forgotten, last):
        with pytest.raises(TypeError, match=r"producer.send\(\) was called.*`yield from producer.send"):
            fly(behaviour)


def test_calls_that_are_spawned_together_are_no_mistake() -> None:
    sent: list[Delivery] = []

    def several(app: App) -> Steps:
        producer = app.producer()
        calls = [app.spawn(producer.send("orders", b"%d" % number, on_delivery=sent.append)) for number in range(3)]
        yield app.clock.all_of(calls)
        yield from producer.close()

    assert fly(several).finished
    assert len(sent) == 3


def test_a_poll_that_nobody_waited_for() -> None:
    def looped(app: App) -> Steps:
        for record in app.consumer("readers", ["orders"]).poll():
            (record.value or b"").decode()
        yield app.busy(ms=1)

    def asked(app: App) -> Steps:
        message: Any = app.consumer("readers", ["orders"]).poll(1)
        yield app.busy(ms=1)
        message.error()

    def counted(app: App) -> Steps:
        records: Any = app.consumer("readers", ["orders"]).poll()
        yield app.busy(ms=len(records))

    for behaviour in (looped, asked, counted):
        with pytest.raises(TypeError, match=r"`records = yield from consumer\.poll"):
            fly(behaviour)


def test_yield_without_from_names_the_line() -> None:
    def yielding(app: App) -> Any:
        yield app.consumer("readers", ["orders"]).poll()

    with pytest.raises(
        TypeError, match=r"test_likely_mistakes.py:\d+: what is yielded is no event; write `yield from`"
    ):
        fly(yielding)


def test_an_application_that_never_waits() -> None:
    with pytest.raises(TypeError, match="application novice is no generator function"):
        fly(lambda app: app.producer())


@pytest.mark.parametrize(
    ("record", "words"),
    [({"value": "paid"}, "value is bytes or None, not str; encode"), ({"key": 7}, "key is bytes or None, not int$")],
)
def test_keys_and_values_are_bytes(record: dict[str, Any], words: str) -> None:
    def texting(app: App) -> Steps:
        yield from app.producer().send("orders", **record)

    with pytest.raises(TypeError, match=words):
        fly(texting)


def test_an_error_of_the_application_stays_what_it_is() -> None:
    def broken(app: App) -> Steps:
        yield app.busy(ms=1)
        raise TypeError("a bug of the application")

    with pytest.raises(TypeError, match=r"^a bug of the application$"):
        fly(broken)


def test_topics_are_a_list_and_a_group_is_a_name() -> None:
    def one_word(app: App) -> Steps:
        app.consumer("readers", "orders")
        yield app.busy(ms=1)

    def dictionary(app: App) -> Steps:
        config: Any = {"group.id": "readers"}
        app.consumer(config)
        yield app.busy(ms=1)

    def by_key(app: App) -> Steps:
        config: Any = {"group.id": "readers", "max.poll.records": 7}
        consumer = app.consumer(topics=["orders"], **config)
        yield from consumer.poll(100)
        assert (consumer.group_id, consumer.config.max_poll_records) == ("readers", 7)

    with pytest.raises(TypeError, match=r"write \['orders'\]"):
        fly(one_word)
    with pytest.raises(TypeError, match="group_id is a name, not a dict"):
        fly(dictionary)
    assert fly(by_key).finished


def test_a_poll_without_a_subscription_is_refused() -> None:
    def nothing(app: App) -> Steps:
        yield from app.consumer("readers").poll(10)

    def no_topics(app: App) -> Steps:
        consumer = app.consumer("readers")
        consumer.subscribe([])
        yield from consumer.poll(10)

    for behaviour in (nothing, no_topics):
        with pytest.raises(IllegalStateError, match=r"^novice: Consumer is not subscribed to any topics or assigned"):
            fly(behaviour)


def test_who_subscribes_to_nothing_any_more_has_to_wait() -> None:
    def resubscribes(app: App) -> Steps:
        consumer = app.consumer("readers", ["orders"])
        yield from consumer.poll(10)
        consumer.subscribe([])

    def shares(app: App) -> Steps:
        consumer = app.share_consumer("sharers", [])
        consumer.subscribe([])
        consumer.subscribe(["orders"])
        yield from consumer.poll(10)
        consumer.subscribe([])

    with pytest.raises(IllegalStateError, match=r"names no topics: write `yield from consumer.unsubscribe\(\)`"):
        fly(resubscribes)
    with pytest.raises(IllegalStateError, match=r"names no topics: write `yield from consumer.close\(\)`"):
        fly(shares)


def test_a_transactional_id_needs_transactions() -> None:
    def plain(app: App) -> Steps:
        yield from app.producer(transactional_id="till").send("orders", b"paid")

    def outside(app: App) -> Steps:
        producer = app.producer(transactional_id="till")
        yield from producer.init_transactions()
        yield from producer.send("orders", b"paid")

    with pytest.raises(IllegalStateError, match=r"^novice: .* cannot send before init_transactions\(\)"):
        fly(plain)
    with pytest.raises(IllegalStateError, match=r"^novice: a producer cannot send in READY"):
        fly(outside)


@pytest.mark.parametrize(
    ("config", "key", "words"),
    [
        (ProducerConfig, "bootstrap.servers", "a client knows the brokers of its flight"),
        (ProducerConfig, "value.serializer", "values are bytes"),
        (ConsumerConfig, "sasl_mechanism", "no security"),
        (ProducerConfig, "queue.buffering.max.ms", "did you mean 'linger.ms'"),
        (ConsumerConfig, "fetch.wait.max.ms", "did you mean 'fetch.max.wait.ms'"),
        (ProducerConfig, "linger", "did you mean 'linger.ms'"),
    ],
)
def test_unknown_keys_say_what_would_be_right(
    config: type[ProducerConfig] | type[ConsumerConfig], key: str, words: str
) -> None:
    with pytest.raises(ConfigError, match=f"unknown .* configuration key '{key}'.*{words}"):
        config.of({key: "x"})
