"""An application: a process that runs a user's generator and owns the clients it makes."""

from collections.abc import Callable, Generator, Iterable, Mapping
from typing import Any, TypeVar

from simpy import Event

from sim.actors.admin.admin import Admin
from sim.actors.client.calls import Client, as_steps, explained, topic_names
from sim.actors.client.client_errors import ClientError
from sim.actors.client.conditions import Conditions
from sim.actors.client.network_client import Directory
from sim.actors.consumer.consumer import Consumer
from sim.actors.producer.producer import Producer
from sim.actors.share.share_consumer import ShareConsumer
from sim.machine.actor import Actor
from sim.machine.clock import milliseconds
from sim.machine.devices import ClientHardware
from sim.machine.machine import Machine
from sim.machine.network import Host
from sim.rules.config import ConsumerConfig, ProducerConfig, ShareConsumerConfig
from sim.rules.config.admin import AdminConfig
from sim.rules.errors import ConfigError, IllegalStateError, KafkaError
from sim.rules.facts.journal import AppFailed, AppStarted, AppStopped

__all__ = ["App", "Behaviour"]

Checked = TypeVar("Checked")
Behaviour = Callable[["App"], Generator[Event, Any, Any]]


class App(Actor):
    """User code on a host. `behaviour(app)` is a generator; it begins anew each time the process starts."""

    def __init__(
        self,
        machine: Machine,
        name: str,
        host: Host,
        behaviour: Behaviour,
        directory: Directory,
        bootstrap: Iterable[int],
        overrides: Mapping[str, Mapping[str, object]],
        hardware: ClientHardware | None = None,
    ) -> None:
        super().__init__(machine, name, host)
        self._behaviour = behaviour
        self._directory = directory
        self._bootstrap = tuple(bootstrap)
        self._overrides = overrides
        self.hardware = hardware or ClientHardware()
        self.producers: list[Producer] = []
        self.consumers: list[Consumer] = []
        self.share_consumers: list[ShareConsumer] = []
        self.admins = 0
        self.finished = False
        self.starts = 0
        self.failure: str | None = None
        self.conditions = Conditions()

    @property
    def behaviour(self) -> Behaviour:
        """What it does, for a twin that does the same."""
        return self._behaviour

    @property
    def overrides(self) -> Mapping[str, Mapping[str, object]]:
        """The values of Kafka's keys that its clients get, whatever they ask for, by kind."""
        return self._overrides

    def reconfigure(self, kind: str, values: Mapping[str, object]) -> None:
        """Clients of a kind (`producer`, `consumer`) that are made from now on have these values of Kafka's keys."""
        self._overrides = {**self._overrides, kind: {**self._overrides.get(kind, {}), **values}}

    @property
    def wall_clock_ms(self) -> int:
        """What the host's own clock shows, in milliseconds."""
        return self.conditions.wall_clock_ms(self.now)

    def on_start(self) -> None:
        """Run the behaviour from its beginning."""
        self.producers, self.consumers, self.share_consumers, self.finished = [], [], [], False
        self.heap = self.hardware.heap(self.machine.streams[f"{self.name}/garbage"])
        self.admins = 0
        self.starts += 1
        self.announce(AppStarted(self.name))
        self.spawn(self._run())

    def stop(self) -> None:
        """Killed: nothing is flushed, committed or closed."""
        if self.life.alive:
            super().stop()
            self.announce(AppStopped(self.name, self.finished))

    def producer(self, **config: Any) -> Producer:
        """A producer of this process; keys as Kafka's, with dots or underscores, the run's own overrides win.

        `compression_ratio` is no key of Kafka's: what compression.type makes of the records. Raises ConfigError.
        """
        compression_ratio = config.pop("compression_ratio", None)
        merged = {**config, **self._overrides.get("producer", {})}
        client_id = _client_id(merged, f"{self.name}-producer-{len(self.producers) + 1}")
        origin = client_id if self.starts == 1 else f"{client_id} (start {self.starts})"
        made = Producer(
            self,
            client_id,
            self._checked(ProducerConfig.of, merged),
            self._directory,
            self._bootstrap,
            origin,
            compression_ratio,
            self.hardware,
        )
        self.producers.append(made)
        return made

    def consumer(self, group_id: str = "", topics: Iterable[str] = (), **config: object) -> Consumer:
        """A consumer of this process, subscribed to the topics if any are given. Raises ConfigError."""
        group_id = _group_id(config, group_id)
        merged = {**config, **self._overrides.get("consumer", {})}
        client_id = _client_id(merged, f"{self.name}-consumer-{len(self.consumers) + 1}")
        settings = self._checked(ConsumerConfig.of, merged)
        made = Consumer(self, client_id, group_id, settings, self._directory, self._bootstrap, self.hardware)
        wanted = topic_names(topics)
        if wanted:
            made.subscribe(wanted)
        self.consumers.append(made)
        return made

    def share_consumer(self, group_id: str = "", topics: Iterable[str] = (), **config: object) -> ShareConsumer:
        """A share consumer of this process (KIP-932), subscribed to the topics if any are given. Raises ConfigError."""
        group_id = _group_id(config, group_id)
        merged = {**config, **self._overrides.get("share_consumer", {})}
        client_id = _client_id(merged, f"{self.name}-share-consumer-{len(self.share_consumers) + 1}")
        settings = self._checked(ShareConsumerConfig.of, merged)
        made = ShareConsumer(self, client_id, group_id, settings, self._directory, self._bootstrap)
        wanted = topic_names(topics)
        if wanted:
            made.subscribe(wanted)
        self.share_consumers.append(made)
        return made

    def admin(self, **config: object) -> Admin:
        """An administrator's client of this process. Raises ConfigError."""
        self.admins += 1
        merged = dict(config)
        client_id = _client_id(merged, f"{self.name}-admin-{self.admins}")
        return Admin(self, client_id, self._checked(AdminConfig.of, merged), self._directory, self._bootstrap)

    def busy(self, ms: float) -> Event:
        """Work for so many milliseconds: `yield app.busy(ms=2)`."""
        return self.sleep(milliseconds(ms * self.conditions.slowness))

    def until(self, time: int) -> Event:
        """Wait for a simulated time in nanoseconds; a past one is now."""
        return self.sleep(max(0, time - self.now))

    def arrive(self, time: int) -> Generator[Event, Any, int]:
        """Wait for an arrival that the workload has planned for a time: `sent_at = yield from app.arrive(time)`.

        Returns when it was due, in simulated nanoseconds: earlier than planned after a burst of traffic.
        """
        while (due := self.conditions.due(time)) > self.now:
            yield self.sleep(due - self.now)
        return due

    def key(self, planned: bytes | None) -> bytes | None:
        """The key that a record gets: the planned one, unless it falls to a key that has become hot."""
        conditions = self.conditions
        hot = conditions.hot_share and self.random.random() < conditions.hot_share
        return conditions.hot_key if hot else planned

    def _checked(self, of: Callable[[Mapping[str, object]], Checked], keys: Mapping[str, object]) -> Checked:
        """A client's configuration. Raises ConfigError that says whose it is."""
        try:
            return of(keys)
        except ConfigError as error:
            raise ConfigError(f"{self.name}: {error}") from error

    def _run(self) -> Generator[Event, Any, None]:
        try:
            yield from as_steps(self._behaviour(self), self.name)
            clients: tuple[Client, ...] = (*self.producers, *self.consumers, *self.share_consumers)
            for client in clients:
                client.calls.check(ended=True)
            self.finished = True
        except (ClientError, KafkaError) as error:
            self.failure = f"{type(error).__name__}: {error}"
            self.announce(AppFailed(self.name, self.failure))
        except IllegalStateError as error:
            raise IllegalStateError(f"{self.name}: {error}") from error
        except (AttributeError, TypeError) as error:
            clearer = explained(error)
            if clearer is None:
                raise
            raise clearer from error
        self.stop()


def _group_id(config: dict[str, object], group_id: str) -> str:
    """The group, be it named by argument or by Kafka's key. Raises TypeError for a dictionary in its place."""
    if not isinstance(group_id, str):
        raise TypeError(f"group_id is a name, not a {type(group_id).__name__}: write app.consumer(**config) for keys")
    return str(config.pop("group.id", group_id))


def _client_id(config: dict[str, object], default: str) -> str:
    """Take the client id out of a client's settings, in either spelling; the last one counts."""
    given = [config.pop(key) for key in list(config) if key in ("client.id", "client_id")]
    return str(given[-1]) if given else default
