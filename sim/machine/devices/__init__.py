"""Devices as FIFO servers by arithmetic: `finish = max(now, busy_until) + cost`, no event of their own.

What befalls a device (a slow disk, a busy neighbour) is part of its state, set from outside. Times are nanoseconds,
sizes bytes.
"""

from sim.machine.devices.cpu import Cpu
from sim.machine.devices.disk import FOREVER, Disk, DiskError
from sim.machine.devices.hardware import ClientHardware, Hardware
from sim.machine.devices.heap import Heap
from sim.machine.devices.nic import Nic
from sim.machine.devices.request_queue import RequestQueue

__all__ = ["FOREVER", "ClientHardware", "Cpu", "Disk", "DiskError", "Hardware", "Heap", "Nic", "RequestQueue"]
