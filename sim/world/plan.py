"""What is to be flown: cluster, topics, applications and faults, all as values."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sim.actors.client.app import Behaviour
from sim.world.cluster import ClusterSpec
from sim.world.faults import Fault
from sim.world.topics import Topic

if TYPE_CHECKING:
    from sim.world.flight import Flight

__all__ = ["AppSpec", "GroupSpec", "Plan"]


@dataclass(frozen=True, slots=True)
class AppSpec:
    """An application: its name, what it does, the stage of the workflow it belongs to.

    A `finite` one ends by itself (a source that runs dry); the run is over when all finite ones have ended
    and every group has caught up. A `transactional` one has a transactional.id, which a twin of it would share.
    """

    name: str
    behaviour: Behaviour
    stage: str = ""
    finite: bool = False
    transactional: bool = False


@dataclass(frozen=True, slots=True)
class GroupSpec:
    """A group, of consumers or share consumers, that must get every record of its topics.

    One that promises it makes exactly one record of each, in the topic `exactly_once_in`.
    """

    group_id: str
    topics: tuple[str, ...]
    exactly_once_in: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """One flight. `duration` and `drain` are nanoseconds: the load lasts the first, catching up at most the second.

    Without a duration the load lasts until every finite application has ended; `progress` then tells which share
    of it is done.
    With `converge` the run goes on, besides, until every partition has a leader and all its replicas in sync.
    `stages` are the edges of the drawn workflow; `wrap_up` is called after the last event and returns what
    the scenario itself has to say, as a mapping that goes into the result.
    `invariants` are the scenario's own, by name: asked after every event and, with True, once at the end, each answers
    what is wrong, as words that can follow a time, or None.
    """

    duration: int | None
    cluster: ClusterSpec = field(default_factory=ClusterSpec)
    topics: tuple[Topic, ...] = ()
    apps: tuple[AppSpec, ...] = ()
    groups: tuple[GroupSpec, ...] = ()
    faults: tuple[Fault, ...] = ()
    drain: int = 120_000_000_000
    stages: tuple[tuple[str, str], ...] = ()
    client_overrides: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    converge: bool = False
    progress: Callable[[], float] | None = None
    wrap_up: Callable[[bool], Mapping[str, object]] | None = None
    invariants: Mapping[str, Callable[["Flight", bool], str | None]] = field(default_factory=dict)
