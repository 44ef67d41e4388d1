"""A scenario as a value: what a scenario file says, table by table.

The names of the fields are the keys of the file. Durations are words such as `30s`; `config` holds Kafka's own keys.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from sim.world.arrivals import Poisson, Workload
from sim.world.faults import Fault
from sim.world.keys import Keys, NoKeys
from sim.world.topics import Topic

__all__ = [
    "ClusterPart",
    "Commit",
    "ConsumerPart",
    "Count",
    "Expect",
    "PipelinePart",
    "ProducerPart",
    "Script",
    "ShareGroupPart",
    "Transaction",
]

Count = int | tuple[int, int]
"""A number of records, exact or from the least to the most."""

Commit = Literal["auto", "sync-after", "sync-before"]
Poison = Literal["skip", "raise"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterPart:
    """`[cluster]`: how many brokers with how many log directories, in how many racks, and Kafka's keys for them.

    `hardware` is what a machine's file holds, a profile and the figures that are not as in it; it has disks of its own.
    """

    brokers: int = 3
    racks: int = 3
    controllers: int = 1
    log_dirs: int = 1
    hardware: Mapping[str, object] = field(default_factory=dict)
    config: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """`transaction = {…}`: how many records make one, and which share of all is aborted."""

    records: int = 10
    abort_share: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ProducerPart:
    """`[[producers]]`: sends records of a size with keys as they arrive, to its topics in turn.

    Several `copies` are applications of their own, each with the whole load: `shop-1`, `shop-2` and so on.
    """

    name: str
    topics: tuple[str, ...]
    arrivals: Workload = field(default_factory=lambda: Poisson(60.0))
    keys: Keys = field(default_factory=NoKeys)
    record_bytes: int = 100
    copies: int = 1
    transaction: Transaction | None = None
    config: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsumerPart:
    """`[[consumers]]`: a group of so many members, each with so much work for a record.

    `commit` says when: `auto` leaves it to Kafka, `sync-after` and `sync-before` mean the work. With `static`
    membership each has a `group.instance.id`. `poison` says what is done about a record that cannot be read: it is
    skipped, or else the application dies of it.
    """

    group: str
    topics: tuple[str, ...]
    members: int = 1
    handler_ms: float = 0.0
    commit: Commit = "auto"
    static: bool = False
    poison: Poison = "skip"
    config: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelinePart:
    """`[[pipelines]]`: reads a topic and writes a record to another one for each; its name is its group.

    With `exactly_once` records and offsets are in one transaction; without it offsets are committed after the records.
    """

    name: str
    source: str
    target: str
    members: int = 1
    exactly_once: bool = True
    handler_ms: float = 0.0
    poison: Poison = "skip"
    consumer: Mapping[str, object] = field(default_factory=dict)
    producer: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareGroupPart:
    """`[[share_groups]]`: members that share partitions and settle records one by one, from the first one on.

    A share of all records is released and comes again; one that cannot be read is rejected.
    """

    group: str
    topics: tuple[str, ...]
    members: int = 1
    handler_ms: float = 0.0
    release_share: float = 0.0
    config: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expect:
    """`[expect]`: what must hold in the end; what is not given is not looked at.

    A number is exact, two numbers are the least and the most. `anomalies` are the names that the black box may find
    beyond those which the configuration allows; `invariants` are looked at after every event; `converged` means that
    everybody has caught up and every replica is in sync; `exactly_once` that the pipelines which promise it keep it;
    `failures` counts the applications that died of an error. With `topics` only those are looked at, by the verdict
    and the black box.
    """

    acknowledged: Count | None = None
    lost: Count | None = None
    duplicated: Count | None = None
    reordered: Count | None = None
    undelivered: Count | None = None
    failures: Count | None = None
    anomalies: tuple[str, ...] | None = None
    invariants: bool = False
    converged: bool = False
    exactly_once: bool = False
    topics: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """A whole file. The load lasts for `duration`, catching up takes `drain` at most.

    With `scenario` it is that scenario of the library, flown with `set` as settings and under these faults instead of
    its own; it has no cluster, topics or clients then. `seed` is the one to fly with when no other is asked for.
    """

    scenario: str = ""
    set: Mapping[str, object] = field(default_factory=dict)
    seed: int = 0
    description: str = ""
    story: str = ""
    duration: str = "30s"
    drain: str = "2m"
    cluster: ClusterPart = field(default_factory=ClusterPart)
    topics: tuple[Topic, ...] = ()
    producers: tuple[ProducerPart, ...] = ()
    consumers: tuple[ConsumerPart, ...] = ()
    pipelines: tuple[PipelinePart, ...] = ()
    share_groups: tuple[ShareGroupPart, ...] = ()
    faults: tuple[Fault, ...] = ()
    expect: Expect = field(default_factory=Expect)
