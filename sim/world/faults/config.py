"""A configuration that is changed while everything runs, and changed back."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from simpy import Event

from sim.actors.client.app import App, Behaviour
from sim.rules.config import topic_config_from
from sim.rules.controller.topic_configs import AlterConfigOp, AlterConfigOpType
from sim.world.faults.fault import Fault, require_known

if TYPE_CHECKING:
    from sim.world.flight import Flight

__all__ = ["ConfigChange"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigChange(Fault):
    """An administrator gives a topic another value of a key, and at the end the one that it had."""

    topic: str
    key: str
    value: str

    @property
    def subject(self) -> str:
        """What changes."""
        return f"{self.key} of {self.topic}"

    @property
    def predicate(self) -> str:
        """What happens to it."""
        return f"becomes {self.value}"

    @property
    def holds(self) -> tuple[str, ...]:
        """The value."""
        return (f"{self.key.replace('_', '.')} of {self.topic}",)

    def check(self, flight: "Flight") -> None:
        """Refuse a topic that does not exist, a key or value that Kafka does not know."""
        require_known(self, "topic", self.topic, flight.cluster.topics)
        topic_config_from(flight.cluster.config, {self.key: self.value})

    def begin(self, flight: "Flight") -> None:
        """Ask the cluster for the new value."""
        flight.visitor(f"admin-{self.topic}-{self.at}", self._alter(AlterConfigOp(self.key, self.value)))

    def end(self, flight: "Flight") -> None:
        """Ask for the old one."""
        before = {key.replace("_", "."): value for key, value in flight.cluster.topics[self.topic].config.items()}
        old = before.get(self.key.replace("_", "."))
        back = AlterConfigOp(self.key, old, AlterConfigOpType.DELETE if old is None else AlterConfigOpType.SET)
        flight.visitor(f"admin-{self.topic}-{self.at}-back", self._alter(back))

    def _alter(self, operation: AlterConfigOp) -> Behaviour:
        def run(app: App) -> Generator[Event, Any, None]:
            yield from app.admin().incremental_alter_configs({self.topic: [operation]})

        return run
