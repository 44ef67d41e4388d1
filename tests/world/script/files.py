"""Small scenario files for tests."""

from sim.world.flight import Flight
from sim.world.script import Script, plan_of, read_script

__all__ = ["CLUSTER", "flown", "script"]

CLUSTER = """
duration = "6s"
[cluster.config]
"offsets.topic.num.partitions" = 1
"transaction.state.log.num.partitions" = 1
"group.initial.rebalance.delay.ms" = 0
[[topics]]
name = "orders"
partitions = 2
replication_factor = 3
config = { "min.insync.replicas" = 2 }
[[topics]]
name = "bills"
replication_factor = 3
config = { "min.insync.replicas" = 2 }
"""


def script(tables: str, head: str = CLUSTER) -> Script:
    """The script of a file with these tables."""
    return read_script(head + tables, "test.toml")


def flown(of: Script, seed: int = 1) -> Flight:
    """A flight that is over."""
    flight = Flight(plan_of(of), seed)
    for _ in flight.fly():
        pass
    return flight
