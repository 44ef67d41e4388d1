"""A scenario as a value: cluster, topics, clients and faults, without a line of code.

What a TOML file says is read into it, the fuzzer draws it, and it prints as a file again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sim.rules.errors import ConfigError
from sim.world.faults import Fault
from sim.world.topics import Topic

__all__ = ["FATES", "ClusterScript", "ConsumerScript", "Expectation", "PipelineScript", "ProducerScript", "Script"]

Config = Mapping[str, object]

FATES = ("lost", "duplicated", "reordered", "undelivered")
"""What the verdict counts of acknowledged records."""

COMMITS = ("auto", "after", "before")
"""When a consumer commits: as its client does by itself, after the work, or before it."""


@dataclass(frozen=True, slots=True)
class ClusterScript:
    """Brokers 1 to n in so many racks, controllers from 100 on, Kafka's broker keys in `config`."""

    brokers: int = 3
    racks: int = 3
    controllers: int = 1
    log_dirs: int = 1
    config: Config = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ProducerScript:
    """An application that sends records of one size to a topic as `arrivals` says, until the load is over.

    `keys` is `none`, `uniform:N`, `zipf:N,EXPONENT`, `single:KEY` or `round-robin:N`. With `transaction_records` it
    sends so many records in each transaction and aborts the share `abort_share` of them. `config` holds Kafka's keys.
    """

    name: str
    topic: str
    arrivals: str = "poisson:20"
    keys: str = "uniform:100"
    size_bytes: int = 100
    transaction_records: int = 0
    abort_share: float = 0.0
    config: Config = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ConsumerScript:
    """A group whose members read topics, work `handler_ms` on each record, and commit.

    `commit` is `auto` (as Kafka's clients do), `after` or `before` the work of each poll; `static` members have a
    group.instance.id. A record that cannot be handled is skipped.
    """

    group: str
    topics: tuple[str, ...]
    members: int = 1
    handler_ms: float = 0.0
    commit: str = "auto"
    static: bool = False
    config: Config = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.commit not in COMMITS:
            raise ConfigError(f"commit = {self.commit!r}; there are {', '.join(COMMITS)}")


@dataclass(frozen=True, slots=True)
class PipelineScript:
    """Members that read a topic and write each record to another one: in transactions with the offsets, or plainly."""

    group: str
    source: str
    target: str
    members: int = 1
    exactly_once: bool = True
    config: Config = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Expectation:
    """What the run must show.

    No acknowledged record may be lost, duplicated, reordered or undelivered, but for the fates that `allow` names.
    `converges`: after the load every group catches up and every replica is in sync. `invariants`: none is violated at
    any moment. `anomalies`: clients see none that Jepsen's workload does not allow for their configuration.
    """

    allow: tuple[str, ...] = ()
    converges: bool = True
    invariants: bool = False
    anomalies: bool = False

    def __post_init__(self) -> None:
        wrong = next((fate for fate in self.allow if fate not in FATES), None)
        if wrong is not None:
            raise ConfigError(f"allow names {wrong!r}; there are {', '.join(FATES)}")


@dataclass(frozen=True, slots=True)
class Script:
    """A whole scenario. The load lasts `duration`, catching up at most `drain`; faults are values of their own.

    With `scenario` it is that scenario of the library with `set` as its settings, under these faults instead of its
    own, and has no cluster, topics or clients. `seed` is the one to fly it with when no other is asked for.
    """

    name: str
    scenario: str = ""
    set: Config = field(default_factory=dict)
    seed: int = 0
    description: str = ""
    duration: str = "30s"
    drain: str = "60s"
    cluster: ClusterScript = field(default_factory=ClusterScript)
    topics: tuple[Topic, ...] = ()
    producers: tuple[ProducerScript, ...] = ()
    consumers: tuple[ConsumerScript, ...] = ()
    pipelines: tuple[PipelineScript, ...] = ()
    faults: tuple[Fault, ...] = ()
    expect: Expectation = field(default_factory=Expectation)
