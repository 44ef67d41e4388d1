"""A small shop with a reader, and one thing wrong."""

from scenarios import find
from sim.run import Run
from sim.scenario_file import scenario_of

__all__ = ["cause", "fly"]

HEAD = """
duration = "{seconds}s"
drain = "{drain}s"
[cluster]
brokers = 3
config = {{ "offsets.topic.num.partitions" = 3, "transaction.state.log.num.partitions" = 1, \
"group.initial.rebalance.delay.ms" = 0, {broker} }}
[[topics]]
name = "orders"
partitions = {partitions}
replication_factor = {replicas}
config = {{ {topic} }}
[[producers]]
name = "shop"
topics = ["orders"]
arrivals = "constant:{rate}"
keys = "{keys}"
record_bytes = {record_bytes}
config = {{ {producer} }}
"""
READER = """
[[consumers]]
group = "audit"
topics = ["orders"]
members = {members}
handler_ms = {handler_ms}
commit = "{commit}"
poison = "{poison}"
config = {{ {consumer} }}
"""


def fly(*faults: str, more: str = "", reader: bool = True, **changed: object) -> Run:
    """A shop with a reader; each fault is the inside of its table."""
    values: dict[str, object] = {
        "seconds": 20,
        "drain": 60,
        "broker": '"broker.session.timeout.ms" = 9000',
        "partitions": 2,
        "replicas": 3,
        "rate": 40,
        "keys": "none",
        "record_bytes": 100,
        "topic": '"min.insync.replicas" = 2',
        "producer": '"linger.ms" = 0',
        "members": 2,
        "handler_ms": 1,
        "commit": "sync-after",
        "poison": "skip",
        "consumer": '"session.timeout.ms" = 6000, "heartbeat.interval.ms" = 1000',
    }
    values.update(changed)
    text = (HEAD + (READER if reader else "") + more).format(**values)
    text += "".join(f"\n[[faults]]\n{fault}\n" for fault in faults)
    return scenario_of(text, "story", find).run()


def cause(run: Run, why: str) -> str:
    """The slug alone."""
    return str(run.explain(why, rerun=False).cause)
