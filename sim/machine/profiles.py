"""The machines that the capacity cases were measured on, and a few more."""

from collections.abc import Mapping

from sim.machine.clock import MICROSECOND
from sim.machine.hardware import Figure, Profile, nearest
from sim.rules.errors import ConfigError

__all__ = ["PROFILES", "profile_named"]

GIB = 1 << 30
MB = 1e6


def _published(value: float, source: str) -> Figure:
    return Figure(value, "published", source)


def _remembered(value: float, source: str) -> Figure:
    return Figure(value, "remembered", source)


def _fitted(value: float, source: str) -> Figure:
    return Figure(value, "fitted", source)


def _assumed(value: float, source: str) -> Figure:
    return Figure(value, "assumed", source)


def _memory(memory_gib: int, heap_gib: int) -> dict[str, Figure]:
    """Page cache and dirty limit of a machine with so much memory."""
    return {
        "page_cache_bytes": _assumed((memory_gib - heap_gib) * GIB, f"{memory_gib} GiB less a heap of {heap_gib} GiB"),
        "dirty_limit_bytes": _published(memory_gib * GIB // 5, f"Linux vm.dirty_ratio: 20 % of {memory_gib} GiB"),
    }


WIRE = {"wire_overhead": _published(1538 / 1448, "Ethernet, IP and TCP headers at an MTU of 1500 bytes")}
HANDLERS: Mapping[str, Figure] = {
    "request_cost": _assumed(25 * MICROSECOND, "the simulator's default; OMB19-N6 and CF-LAT hardly depend on it"),
    "batch_cost": _assumed(4 * MICROSECOND, "the simulator's default; OMB19-N6 and CF-LAT hardly depend on it"),
    "byte_cost": _assumed(0.4, "the simulator's default; OMB19-N6 and CF-LAT hardly depend on it"),
}
"""A request handler's work."""

VIRTUAL_LINKS = {
    "link_latency": _assumed(77 * MICROSECOND, "near OMB19-N6's 78: half of one way, with waking the threads"),
    "link_jitter": _assumed(60 * MICROSECOND, "of the order of waking a thread"),
}
NVME_FLUSH = {
    "flush_latency": _fitted(340 * MICROSECOND, "OMB19-F1"),
    "disk_seek": _assumed(0, "NVMe: flushes of several files go on side by side"),
}
JAVA_CLIENT = {
    "record_cost": _assumed(1000, "near LI-P1; at 50,000 records/s it does not matter"),
    "request_cost": _assumed(150 * MICROSECOND, "OMB19-N6 is alike from 20 to 330 µs"),
    "polled_batch_cost": _assumed(150 * MICROSECOND, "between those of i3.4xlarge and i3en.2xlarge"),
}

_LINKEDIN_SOURCE = "LinkedIn 2014: 6 disks with 822 MB/s in all, 1 GbE"

PROFILES: Mapping[str, Profile] = {
    profile.name: profile
    for profile in (
        Profile(
            "linkedin-2014",
            ("6x7200rpm SATA JBOD",),
            {
                **HANDLERS,
                "byte_cost": _assumed(10.0, "as the producer's in LI-P1, 1217 ns for 122 bytes"),
                "nic_bytes_per_s": _published(125 * MB, _LINKEDIN_SOURCE),
                "nic_fair": _assumed(1, "TCP: the flows of a bottleneck share it"),
                "disk_bytes_per_s": _published(137 * MB, _LINKEDIN_SOURCE),
                "disk_seek": _assumed(12_700 * MICROSECOND, "7200 rpm: half a turn, and a usual seek of 8.5 ms"),
                **WIRE,
                **VIRTUAL_LINKS,
                **_memory(32, 4),
            },
            {
                "record_cost": _fitted(1217, "LI-P1"),
                "request_cost": JAVA_CLIENT["request_cost"],
                "polled_record_cost": _assumed(1000, "LI-C1 is bound by the card, so at most 1063"),
                "nic_bytes_per_s": _published(125 * MB, _LINKEDIN_SOURCE),
            },
            disks=6,
        ),
        Profile(
            "i3.4xlarge",
            (),
            {
                **HANDLERS,
                "nic_bytes_per_s": _remembered(1.25e9, "AWS: up to 10 Gbit/s"),
                "disk_bytes_per_s": _remembered(720 * MB, "AWS: 2 x 1.9 TB NVMe, sequential writes of 1.44 GB/s"),
                **WIRE,
                **VIRTUAL_LINKS,
                "link_latency": _fitted(78 * MICROSECOND, "OMB19-N6, mean: half of one way, with waking the threads"),
                **NVME_FLUSH,
                **_memory(122, 6),
            },
            {
                **JAVA_CLIENT,
                "polled_batch_cost": _assumed(20 * MICROSECOND, "at 150 µs OMB19-N6's consumer cannot keep up"),
            },
            disks=2,
        ),
        Profile(
            "i3en.2xlarge",
            (),
            {
                **HANDLERS,
                "nic_bytes_per_s": _remembered(3.125e9, "AWS: up to 25 Gbit/s"),
                "disk_bytes_per_s": _remembered(328 * MB, "Confluent 2020: 655 MB/s to both NVMe disks"),
                **WIRE,
                "link_latency": _fitted(127 * MICROSECOND, "CF-LAT: half of one way, with waking threads"),
                "link_jitter": _assumed(60 * MICROSECOND, "of the order of waking a thread"),
                **NVME_FLUSH,
                **_memory(64, 6),
            },
            {
                **JAVA_CLIENT,
                "polled_batch_cost": _fitted(230 * MICROSECOND, "CF-LAT: end to end against publish"),
                "nic_bytes_per_s": _remembered(3.125e9, "AWS: c5n.2xlarge, up to 25 Gbit/s"),
            },
            disks=2,
        ),
        Profile(
            "m5.large",
            (),
            {
                **HANDLERS,
                "nic_bytes_per_s": _remembered(93.75 * MB, "AWS: 0.75 Gbit/s sustained"),
                "nic_fair": _assumed(1, "TCP: the flows of a bottleneck share it"),
                "disk_bytes_per_s": _remembered(81.25 * MB, "AWS: 650 Mbit/s to EBS sustained"),
                "disk_burst_bytes_per_s": _remembered(593.75 * MB, "AWS: up to 4,750 Mbit/s to EBS for a while"),
                "disk_credit_bytes": _remembered(1800 * 512.5 * MB, "30 minutes of it"),
                "flush_latency": _remembered(1000 * MICROSECOND, "AWS: gp2 and gp3 have single-digit milliseconds"),
                "disk_seek": _assumed(0, "EBS: flushes of several files go on side by side"),
                **VIRTUAL_LINKS,
                **_memory(8, 4),
            },
            JAVA_CLIENT,
        ),
        Profile(
            "netdb-2011",
            ("8x2GHz",),
            {
                **HANDLERS,
                "nic_bytes_per_s": _published(125 * MB, "NetDB 2011: 1 GbE"),
                "disk_bytes_per_s": _assumed(300 * MB, "6 disks as RAID 10, 100 MB/s for each pair"),
                **WIRE,
                **VIRTUAL_LINKS,
                **_memory(16, 4),
            },
            {
                "record_cost": _assumed(1217 * 2.5 / 2.0, "as fitted on LI-P1, with a clock of 2.0 instead of 2.5 GHz"),
                "request_cost": _assumed(25 * MICROSECOND, "as a broker's request handler"),
                "nic_bytes_per_s": _published(125 * MB, "NetDB 2011: 1 GbE"),
            },
        ),
        Profile(
            "test-machine",
            (),
            {
                **HANDLERS,
                "byte_cost": _fitted(6.0, "perf_max: with one replica 12.5 ns for a byte in all"),
                "network_byte_cost": _fitted(4.0, "perf_max: with one replica 12.5 ns for a byte in all"),
                "cores": Figure(2, "measured", "the recordings: brokers, controller and client share two processors"),
                "nic_bytes_per_s": _assumed(5e9, "loopback: no card between"),
                "disk_bytes_per_s": _assumed(1e9, "the recordings: log files in the page cache"),
                **VIRTUAL_LINKS,
                **_memory(4, 1),
            },
            {
                "record_cost": _fitted(300, "perf_max: records of 100 bytes"),
                "request_cost": _fitted(25 * MICROSECOND, "perf_max, as the broker's"),
                "byte_cost": _fitted(2.5, "perf_max: with one replica 12.5 ns for a byte in all"),
                "timer_slack": _published(50 * MICROSECOND, "Linux, prctl(2) PR_SET_TIMERSLACK"),
                "nic_bytes_per_s": _assumed(5e9, "loopback: no card between"),
            },
        ),
        Profile("laptop", ("i7-10750H",), {**HANDLERS}, {}),
    )
}


def profile_named(text: str, where: str) -> Profile:
    """The profile whose name, or another word that it is known by, is in a description. Raises ConfigError."""
    for name, profile in PROFILES.items():
        if name == text:
            return profile
    for profile in PROFILES.values():
        if profile.is_meant_by(text):
            return profile
    raise ConfigError(f"{where}: {text!r} names no known machine{nearest(text, PROFILES)}")
