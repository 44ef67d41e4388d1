"""A topic as a scenario asks for it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Topic"]


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic to create; `config` holds topic keys as Kafka writes them, or with underscores.

    `replicas` are those of each partition where they are not to be placed by the controller, `leaders` who leads each
    where that is not the first of them; all replicas begin in sync.
    """

    name: str
    partitions: int = 1
    replication_factor: int = 1
    config: Mapping[str, object] = field(default_factory=dict)
    replicas: tuple[tuple[int, ...], ...] = ()
    leaders: tuple[int, ...] = ()
