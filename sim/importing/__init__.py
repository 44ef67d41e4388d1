"""A real cluster as a scenario: read from what Kafka's own tools and kcat print of it."""

from sim.importing.layout import Group, Layout, Partition
from sim.importing.reading import read_groups, read_layout
from sim.importing.script import script_of

__all__ = ["Group", "Layout", "Partition", "read_groups", "read_layout", "script_of"]
