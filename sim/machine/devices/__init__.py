"""Devices as FIFO servers by arithmetic: `finish = max(now, busy_until) + cost`, no event of their own.

What befalls a device (a slow disk, a busy neighbour) is part of its state, set from outside. Times are nanoseconds,
sizes bytes.
"""

from sim.machine.devices.cpu import Cpu
from sim.machine.devices.disk import FOREVER, Disk, DiskError
from sim.machine.devices.hardware import Hardware
from sim.machine.devices.nic import Nic

__all__ = ["FOREVER", "Cpu", "Disk", "DiskError", "Hardware", "Nic"]
