"""Faults as values: what breaks, when, and when it is mended; each prints as one sentence.

`KINDS` names each kind as scenario files do.
"""

from collections.abc import Mapping

from sim.world.faults.broker import BrokerCrash, BrokerHang, BrokerShutdown, RollingRestart
from sim.world.faults.client import AppCrash, AppHang, ClockSkew, PoisonRecord, SlowHandler, ZombieProducer
from sim.world.faults.config import ConfigChange
from sim.world.faults.controller import ControllerCrash, ControllerHang
from sim.world.faults.disk import DiskFailed, DiskFull, DiskSlow, DiskStalled
from sim.world.faults.fault import Fault
from sim.world.faults.load import KeySkew, TrafficBurst
from sim.world.faults.network import CloggedLink, LatencySpike, LossyLink, NetworkPartition
from sim.world.faults.power import PowerFailure
from sim.world.faults.processor import CpuContention, StopTheWorldPause
from sim.world.faults.schedule import at_random, check_schedule, repeated

__all__ = [
    "KINDS",
    "AppCrash",
    "AppHang",
    "BrokerCrash",
    "BrokerHang",
    "BrokerShutdown",
    "ClockSkew",
    "CloggedLink",
    "ConfigChange",
    "ControllerCrash",
    "ControllerHang",
    "CpuContention",
    "DiskFailed",
    "DiskFull",
    "DiskSlow",
    "DiskStalled",
    "Fault",
    "KeySkew",
    "LatencySpike",
    "LossyLink",
    "NetworkPartition",
    "PoisonRecord",
    "PowerFailure",
    "RollingRestart",
    "SlowHandler",
    "StopTheWorldPause",
    "TrafficBurst",
    "ZombieProducer",
    "at_random",
    "check_schedule",
    "repeated",
]

KINDS: Mapping[str, type[Fault]] = {
    "broker-crash": BrokerCrash,
    "broker-hang": BrokerHang,
    "broker-shutdown": BrokerShutdown,
    "rolling-restart": RollingRestart,
    "disk-slow": DiskSlow,
    "disk-stalled": DiskStalled,
    "disk-full": DiskFull,
    "disk-failed": DiskFailed,
    "cpu-contention": CpuContention,
    "stop-the-world-pause": StopTheWorldPause,
    "power-failure": PowerFailure,
    "controller-crash": ControllerCrash,
    "controller-hang": ControllerHang,
    "network-partition": NetworkPartition,
    "latency-spike": LatencySpike,
    "lossy-link": LossyLink,
    "clogged-link": CloggedLink,
    "app-crash": AppCrash,
    "app-hang": AppHang,
    "zombie-producer": ZombieProducer,
    "slow-handler": SlowHandler,
    "clock-skew": ClockSkew,
    "poison-record": PoisonRecord,
    "traffic-burst": TrafficBurst,
    "key-skew": KeySkew,
    "config-change": ConfigChange,
}
