"""Scenarios written as TOML: the value behind such a file, how it is read and written, and the plan that it makes.

A file names clusters, clients and faults, and never code or paths: it is parsed, not executed.
"""

from sim.world.script.plan import plan_of
from sim.world.script.reading import read_script
from sim.world.script.script import Script
from sim.world.script.writing import write_script

__all__ = ["Script", "plan_of", "read_script", "write_script"]
