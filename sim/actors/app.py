"""An application: a process that runs a user's generator and owns the clients it makes."""

from collections.abc import Callable, Generator, Iterable, Mapping
from typing import Any

from simpy import Event

from sim.actors.client_errors import ClientError
from sim.actors.consumer import Consumer
from sim.actors.network_client import Directory
from sim.actors.producer import Producer
from sim.machine.actor import Actor
from sim.machine.clock import milliseconds
from sim.machine.machine import Machine
from sim.machine.network import Host
from sim.rules.config import ConsumerConfig, ProducerConfig
from sim.rules.errors import KafkaError
from sim.rules.facts import AppFailed, AppStarted, AppStopped

__all__ = ["App", "Behaviour"]

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
    ) -> None:
        super().__init__(machine, name, host)
        self._behaviour = behaviour
        self._directory = directory
        self._bootstrap = tuple(bootstrap)
        self._overrides = overrides
        self.producers: list[Producer] = []
        self.consumers: list[Consumer] = []
        self.finished = False
        self.starts = 0
        self.failure: str | None = None

    def on_start(self) -> None:
        """Run the behaviour from its beginning."""
        self.producers, self.consumers, self.finished = [], [], False
        self.starts += 1
        self.announce(AppStarted(self.name))
        self.spawn(self._run())

    def stop(self) -> None:
        """Killed: nothing is flushed, committed or closed."""
        if self.life.alive:
            super().stop()
            self.announce(AppStopped(self.name, self.finished))

    def producer(self, **config: object) -> Producer:
        """A producer of this process; keys as Kafka's with underscores, the run's own overrides win."""
        client_id = str(config.pop("client_id", f"{self.name}-producer-{len(self.producers) + 1}"))
        merged = {**config, **self._overrides.get("producer", {})}
        origin = client_id if self.starts == 1 else f"{client_id} (start {self.starts})"
        made = Producer(self, client_id, ProducerConfig.of(merged), self._directory, self._bootstrap, origin)
        self.producers.append(made)
        return made

    def consumer(self, group_id: str = "", topics: Iterable[str] = (), **config: object) -> Consumer:
        """A consumer of this process, subscribed to the topics if any are given."""
        client_id = str(config.pop("client_id", f"{self.name}-consumer-{len(self.consumers) + 1}"))
        merged = {**config, **self._overrides.get("consumer", {})}
        made = Consumer(self, client_id, group_id, ConsumerConfig.of(merged), self._directory, self._bootstrap)
        wanted = tuple(topics)
        if wanted:
            made.subscribe(wanted)
        self.consumers.append(made)
        return made

    def busy(self, ms: float) -> Event:
        """Work for so many milliseconds: `yield app.busy(ms=2)`."""
        return self.sleep(milliseconds(ms))

    def until(self, time: int) -> Event:
        """Wait for a simulated time in nanoseconds; a past one is now."""
        return self.sleep(max(0, time - self.now))

    def _run(self) -> Generator[Event, Any, None]:
        try:
            yield from self._behaviour(self)
            self.finished = True
        except (ClientError, KafkaError) as error:
            self.failure = f"{type(error).__name__}: {error}"
            self.announce(AppFailed(self.name, self.failure))
        self.stop()
