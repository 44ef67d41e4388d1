"""How the metrics of brokers and of the controller are read from a run."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from sim.machine.clock import MILLISECOND, SECOND
from sim.rules.facts.journal import BrokerFenced, BrokerUnfenced, IsrChanged, LeaderElected
from sim.rules.facts.storage import SegmentsDeleted
from sim.teach.incidents.readings import Event, Lines, counted, held, highest, of

if TYPE_CHECKING:
    from sim.run import Run

__all__ = [
    "elections",
    "fenced",
    "follower_fetches",
    "idle",
    "isr_steps",
    "leader_count",
    "log_start",
    "request_latency",
    "requests",
    "total_time",
    "unstable",
]


def leader_count(run: "Run") -> Lines:
    """How many partitions each broker leads."""
    leaders: dict[str, int] = {}
    counts = {f"broker-{broker}": 0 for broker in run.flight.cluster.brokers}
    events = []
    for sample in of(run, "LeaderId"):
        partition = dict(sample.labels)["partition"]
        for leader, step in ((leaders.get(partition, -1), -1), (int(sample.value), 1)):
            if leader > 0:
                counts[f"broker-{leader}"] += step
                events.append(Event(round(sample.time_s * SECOND), f"broker-{leader}", counts[f"broker-{leader}"]))
        leaders[partition] = int(sample.value)
    return held(run, events, dict.fromkeys(counts, 0))


def isr_steps(sign: int) -> Callable[["Run"], Lines]:
    """Counts how often an ISR has shrunk (-1) or grown (1)."""

    def read(run: "Run") -> Lines:
        sizes: dict[object, int] = {}
        events = []
        for time, fact in run.facts:
            if isinstance(fact, IsrChanged):
                before = sizes.get(fact.partition, len(fact.isr))
                if (len(fact.isr) - before) * sign > 0:
                    events.append(Event(time, "all"))
                sizes[fact.partition] = len(fact.isr)
        return counted(run, events, ["all"])

    return read


def fenced(run: "Run") -> Lines:
    """How many brokers the controller has given up."""
    gone: set[int] = set()
    events = []
    for time, fact in run.facts:
        if isinstance(fact, BrokerFenced):
            gone.add(fact.broker_id)
        elif isinstance(fact, BrokerUnfenced):
            gone.discard(fact.broker_id)
        else:
            continue
        events.append(Event(time, "all", len(gone)))
    return held(run, events, {"all": 0})


def unstable(run: "Run") -> Lines:
    """How far the last stable offset is behind the high watermark."""
    return {
        str(name): [(step.time_s, float(step.high_watermark - step.last_stable_offset)) for step in steps]
        for name, steps in run.recorded().steps.items()
    }


def log_start(run: "Run") -> Lines:
    """The first offset that each partition still has."""
    leaders = {str(name): 0.0 for name in run.flight.cluster.partitions()}
    facts = [(time, fact) for time, fact in run.facts if isinstance(fact, SegmentsDeleted)]
    return held(run, [Event(t, str(f.partition), f.log_start_offset) for t, f in facts if str(f.partition) in leaders],
                leaders)  # fmt: skip


def elections(run: "Run") -> Lines:
    """How often partitions got a leader, and how often one that was out of sync."""
    facts = [(time, fact) for time, fact in run.facts if isinstance(fact, LeaderElected) and time > 0]
    events = [Event(time, "unclean" if fact.recovering else "all") for time, fact in facts]
    return counted(run, events, ["all", "unclean"])


def idle(run: "Run") -> Lines:
    """How much of the request handlers' time is left, by broker."""
    loads = run.recorded().loads
    return {f"broker-{n}": [(load.time_s, 100 * max(0.0, 1 - load.cpu)) for load in line] for n, line in loads.items()}


def asked(run: "Run", kind: str, from_clients: bool = False) -> Iterator[tuple[str, str, int, int]]:
    """Requests of a kind: who asked, whom, and the time in the broker, or else as the client sees it, when it ended."""
    for fact in run.recorded().requests:
        begun, ended = (fact.sent_at, fact.returned_at) if from_clients else (fact.arrived_at, fact.answered_at)
        if fact.kind == kind and fact.server.startswith("broker") and ended >= 0 and begun >= 0:
            yield fact.client, fact.server, ended, ended - begun


def total_time(kind: str) -> Callable[["Run"], Lines]:
    """The longest time from arrival to answer, by broker."""
    return lambda run: highest(Event(end, server, ns / MILLISECOND) for _, server, end, ns in asked(run, kind))


def request_latency(run: "Run") -> Lines:
    """The longest time from sending to the answer, as producers see it, by broker."""
    return highest(Event(end, server, ns / MILLISECOND) for _, server, end, ns in asked(run, "Produce", True))


def requests(run: "Run") -> Lines:
    """Requests that were answered, by kind."""
    known = [fact for fact in run.recorded().requests if fact.server.startswith("broker") and fact.answered_at >= 0]
    return counted(run, [Event(fact.answered_at, fact.kind) for fact in known])


def follower_fetches(run: "Run") -> Lines:
    """Fetches of replicas that were answered, by the broker that asked."""
    return counted(run, [Event(end, client) for client, _, end, _ in asked(run, "FetchFollower")])
