"""The actions of a recorded run as faults: what the driver did to processes and to the network, each in a moment."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING

from sim.machine.impediments import Impediment
from sim.rules.errors import ConfigError
from sim.rules.topics import TopicPartition
from sim.timelines.fault_booting import Boot
from sim.timelines.fault_words import OBSERVATIONS
from sim.timelines.fields import Fields
from sim.world.faults import Fault
from sim.world.faults.broker import when_gone

if TYPE_CHECKING:
    from sim.actors.broker.broker import Broker
    from sim.actors.controller.controller import Controller
    from sim.world.flight import Flight

__all__ = ["Action", "Stage", "action"]

HOWS = ("kill9", "sigterm")
"""Ways to stop a process."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a run takes place: the nodes here by the file's ids, and the topic whose leader and followers are meant.

    `roles` remembers who was leader or follower when an action was aimed at a role, `cuts` the hosts that are cut off.
    """

    brokers: Mapping[int, int]
    controllers: Mapping[int, int]
    topic: str
    roles: dict[str, int] = field(default_factory=dict)
    cuts: dict[str, None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Action(Fault):
    """One action of the driver. `nodes` are ids of this cluster by field, `boot` how long a process takes to start."""

    word: str
    number: int
    stage: Stage
    nodes: Mapping[str, int]
    how: str
    boot: Boot

    @property
    def subject(self) -> str:
        """What is done, and as which action of the run."""
        return f"action {self.number}: {self.word}"

    @property
    def predicate(self) -> str:
        """That it is done."""
        return "is done"

    def begin(self, flight: "Flight") -> None:
        """Do it."""
        DEEDS[self.word](self, flight)

    def node(self, flight: "Flight", role: str = "") -> "Broker | Controller":
        """The node that is named, or that has the role; a role is kept once an action was aimed at it."""
        cluster, roles = flight.cluster, self.stage.roles
        if role and "broker" in self.nodes:
            roles[role] = self.nodes["broker"]
        elif role and role not in roles:
            known = cluster.controller.image.partitions[TopicPartition(self.stage.topic, 0)]
            followers = [broker for broker in known.replicas if broker != known.leader]
            roles[role] = known.leader if role == "leader" else followers[0]
        node = roles[role] if role else self.nodes["broker"]
        return cluster.controllers[node] if node in cluster.controllers else cluster.brokers[node]


def action(fields: Fields, number: int, stage: Stage, zero: int, boot: Boot) -> Fault | None:
    """An action of a run as a fault, `zero` nanoseconds being the run's time 0; None for an observation.

    Raises ConfigError for an action or a node that is not known.
    """
    word = fields.text("ev")
    if word in OBSERVATIONS:
        return None
    if word not in DEEDS:
        raise ConfigError(f"{fields.place}.ev: unknown action {word!r}; {nearest(word, DEEDS)}")
    how = fields.text("how") if "how" in fields.values else "kill9"
    if how not in HOWS:
        raise ConfigError(f"{fields.place}.how: unknown way to stop a process {how!r}; {nearest(how, HOWS)}")
    at = zero + round(fields.number("t") * 1e6)
    nodes = _nodes(fields, word, stage)
    return Action(at=f"{at}ns", word=word, number=number, stage=stage, nodes=nodes, how=how, boot=boot)


def nearest(word: str, known: Collection[str]) -> str:
    """A hint at what would be right."""
    near = get_close_matches(word, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"


def _nodes(fields: Fields, word: str, stage: Stage) -> dict[str, int]:
    """The nodes that an action names; one aimed at a role, and healing, need not name any."""
    wanted = ["broker", "leader"] if word == "cut_follower_from_leader" else ["broker"]
    if word == "heal" or (word.endswith(("_leader", "_follower")) and len(wanted) == 1):
        wanted = [name for name in wanted if name in fields.values]
    processes = word in ("kill9", "sigstop", "sigcont", "restart")
    known = {**stage.brokers, **(stage.controllers if processes else {})}
    for name in wanted:
        if fields.node(name) not in known:
            raise ConfigError(
                f"{fields.place}.{name}: there is no {'node' if processes else 'broker'} {fields.node(name)}, "
                f"only {', '.join(map(str, known))}"
            )
    return {name: known[fields.node(name)] for name in wanted}


def _stop(action: Action, flight: "Flight", role: str) -> None:
    node = action.node(flight, role)
    if action.how == "sigterm" and node.node_id in flight.cluster.brokers:
        flight.cluster.brokers[node.node_id].shut_down()
    else:
        node.stop()


def _sigterm(action: Action, flight: "Flight") -> None:
    flight.cluster.brokers[action.nodes["broker"]].shut_down()


def _start(action: Action, flight: "Flight", role: str = "") -> None:
    """Start a process as soon as the one before has gone; a broker boots by itself, for a controller time passes."""
    node = action.node(flight, role)
    broker = flight.cluster.brokers.get(node.node_id)
    if broker is None:
        flight.clock.call_at(flight.now + action.boot.start, node.start)
    else:
        broker.hardware = replace(broker.hardware, broker_start=action.boot.start, broker_ready=action.boot.ready)
        when_gone(flight, broker, broker.start)


def _isolate(action: Action, flight: "Flight") -> None:
    _cut(action, flight, {host for host, kind in flight.cluster.hosts().items() if kind != "client"})


def _unplug(action: Action, flight: "Flight") -> None:
    _cut(action, flight, set(flight.cluster.hosts()))


def _cut_pair(action: Action, flight: "Flight") -> None:
    leader = flight.cluster.brokers[action.nodes["leader"]].host.name
    _cut(action, flight, {leader}, {leader})


def _cut(action: Action, flight: "Flight", others: set[str], filtering: Collection[str] = ()) -> None:
    """No packet passes between a broker and others: the broker's host drops what it sends, and what comes in."""
    host = flight.cluster.brokers[action.nodes["broker"]].host.name
    cut = Impediment(frozenset({host}), frozenset(others - {host}), cut=True, filtering=frozenset({host, *filtering}))
    flight.machine.network.impede(host, cut)
    action.stage.cuts[host] = None


def _heal(action: Action, flight: "Flight") -> None:
    """Let everything pass again: to and from the broker that is named, else everywhere."""
    named = flight.cluster.brokers[action.nodes["broker"]].host.name if action.nodes else None
    for host in list(action.stage.cuts):
        if named in (None, host):
            del action.stage.cuts[host]
            flight.machine.network.relieve(host)


DEEDS: Mapping[str, Callable[[Action, "Flight"], None]] = {
    "kill9": lambda action, flight: action.node(flight).stop(),
    "sigstop": lambda action, flight: action.node(flight).pause(),
    "sigcont": lambda action, flight: action.node(flight).resume(),
    "sigterm": _sigterm,
    "restart": _start,
    "kill9_leader": lambda action, flight: action.node(flight, "leader").stop(),
    "stop_leader": lambda action, flight: _stop(action, flight, "leader"),
    "stop_follower": lambda action, flight: _stop(action, flight, "follower"),
    "restart_leader": lambda action, flight: _start(action, flight, "leader"),
    "restart_follower": lambda action, flight: _start(action, flight, "follower"),
    "partition": _isolate,
    "link_down": _unplug,
    "link_up": _heal,
    "cut_follower_from_leader": _cut_pair,
    "heal": _heal,
}
