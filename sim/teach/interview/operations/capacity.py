"""Capacity: how many brokers a load needs, and what is the first to be at its limit."""

from math import ceil

from sim.rules.config import TopicConfig
from sim.run import Run
from sim.teach.interview.operations.loads import (
    MB,
    PEAK,
    RAMP,
    REPLICAS,
    STEADY,
    is_last,
    limits,
    longest_waits,
    machine,
    sustained,
)
from sim.teach.interview.question import Experiment, Picture, Proof, Question, Runs, WrongAnswer

__all__ = ["QUESTIONS"]

GROUPS, DAYS = 2, 7
IN_TIME_S = 0.5
"""A cluster keeps up whose producers wait no longer than this in the last second."""

DOWN = {f"{brokers} brokers, one down": brokers for brokers in (3, 4)}
SIZES = {"3 brokers": Experiment(STEADY), **{
    name: Experiment(STEADY, {"brokers": brokers, "broker_down": True}) for name, brokers in DOWN.items()
}}  # fmt: skip
RAMPS = {f"{groups} groups": Experiment(RAMP, {"groups": groups}, recorded=True) for groups in (1, 2, 3)}
DEVICES = {"cpu": "the processors", "disk": "the disks", "network": "the network cards"}


def _in_the_end_s(run: Run) -> float:
    """How long the unluckiest record of the last second waited."""
    return longest_waits(run)[-1][1]


def _enough(runs: Runs) -> Proof:
    calm_s = _in_the_end_s(runs["3 brokers"])
    waits_s = {brokers: _in_the_end_s(runs[name]) for name, brokers in DOWN.items()}
    needed = min(brokers for brokers, wait_s in waits_s.items() if wait_s < IN_TIME_S)
    by_law = {device: PEAK / (limit / REPLICAS) for device, limit in limits(REPLICAS, GROUPS).items()}
    stored = PEAK * DAYS * 24 * 3600 * REPLICAS
    least = max(map(ceil, by_law.values()))
    return Proof(
        calm_s < IN_TIME_S < waits_s[least] and needed == least + 1,
        needed,
        "brokers",
        f"{least} brokers carry {PEAK / MB:.0f} MB/s, but when one dies records still wait {waits_s[least]:.1f} s at "
        f"the end; with {needed} they wait {waits_s[needed]:.2f} s.",
        {
            "peak": PEAK / MB,
            "groups": GROUPS,
            "days": DAYS,
            "network": by_law["network"],
            "disk": by_law["disk"],
            "card": machine().nic_bytes_per_s / MB,
            "least": least,
            "needed": needed,
            "behind_s": waits_s[least],
            "fine_s": waits_s[needed],
            "stored_tb": stored / 1e12,
            "each_tb": stored / needed / 1e12,
            "retention_h": TopicConfig().retention_ms // 3_600_000,
        },
    )


def _at_the_limit(run: Run) -> tuple[str, float, float]:
    """The device that was busiest in the last seconds of the load, its share and what was written per second."""
    loads = [load for of_broker in run.recorded().loads.values() for load in of_broker
             if is_last(run, load.time_s)]  # fmt: skip
    shares = {device: sum(getattr(load, device) for load in loads) / len(loads) for device in DEVICES}
    busiest = max(shares, key=lambda device: shares[device])
    return busiest, shares[busiest], sustained(run)


def _first(runs: Runs) -> Proof:
    found = {run.settings["groups"]: _at_the_limit(run) for run in runs.values()}
    laws = {groups: limits(REPLICAS, groups) for groups in found}
    device, share, rate = found[GROUPS]
    near = all(abs(found[groups][2] / min(law.values()) - 1) < 0.2 for groups, law in laws.items())
    same = all(found[groups][0] == min(law, key=lambda name: law[name]) for groups, law in laws.items())
    return Proof(
        near and same,
        rate / MB,
        "MB/s",
        f"With {GROUPS} groups {DEVICES[device]} are the first, {share:.0%} busy at {rate / MB:.0f} MB/s; with one "
        f"group {DEVICES[found[1][0]]} are, at {found[1][2] / MB:.0f} MB/s.",
        {
            "choice": DEVICES[device],
            "device": DEVICES[device],
            "share": share,
            "rate": rate / MB,
            "groups": GROUPS,
            "law": min(laws[GROUPS].values()) / MB,
            "one_device": DEVICES[found[1][0]],
            "one_rate": found[1][2] / MB,
            "three_rate": found[3][2] / MB,
            "copies": REPLICAS - 1,
            "cpu": max(
                load.cpu for of_broker in runs[f"{GROUPS} groups"].recorded().loads.values() for load in of_broker
            ),
        },
    )


def _half_a_cluster(runs: Runs) -> tuple[bool, str]:
    wait_s = _in_the_end_s(runs["3 brokers, one down"])
    share = PEAK / min(limits(REPLICAS, GROUPS).values())
    return wait_s > IN_TIME_S, (
        f"Three brokers are {share:.0%} busy at the peak; when one dies the other two lead its partitions as well, "
        f"what has waited meanwhile never drains, and records wait {wait_s:.1f} s."
    )


def _only_disk_space(runs: Runs) -> tuple[bool, str]:
    waits_s = [_in_the_end_s(runs[name]) for name in DOWN]
    return waits_s[0] > 2 * waits_s[1], (
        f"Space was no limit in any of the flights, and still records waited {waits_s[0]:.1f} s with three brokers, "
        f"one of them down, and {waits_s[1]:.2f} s with four."
    )


def _disks_first(runs: Runs) -> tuple[bool, str]:
    device, share, rate = _at_the_limit(runs[f"{GROUPS} groups"])
    return device != "disk", (
        f"With {GROUPS} groups {DEVICES[device]} were {share:.0%} busy at {rate / MB:.0f} MB/s, and the disks were not "
        "the busiest."
    )


def _readers_are_free(runs: Runs) -> tuple[bool, str]:
    rates = {run.settings["groups"]: sustained(run) / MB for run in runs.values()}
    return rates[3] < 0.8 * rates[1], (
        f"One group left {rates[1]:.0f} MB/s to the producers, three left {rates[3]:.0f}: what is read leaves the same "
        "card as what is replicated."
    )


QUESTIONS = (
    Question(
        number=63,
        topic="operations",
        level="senior",
        asks="Size a cluster for a given rate in MB/s that keeps seven days.",
        predict="""
            60 MB/s at the peak, three replicas, two groups, on m5.large with 93.75 MB/s of network and 81.25 MB/s of
            disk each. How many brokers, if one may be down at the peak?
        """,
        flights=SIZES,
        prove=_enough,
        answer="""
            Count bytes by device, then fly the bad day. {peak:.0f} MB/s with three replicas and {groups} groups leave
            the leaders four times: {network:.1f} brokers' worth of a card of {card:.2f} MB/s. To the disks they go
            three times, {disk:.1f} brokers' worth. So {least} brokers carry it. When one dies at the peak the others
            lead its partitions too, and they need room to drain what has waited meanwhile: with {least} brokers records
            still wait {behind_s:.1f} seconds in the end, with {needed} they wait {fine_s:.2f}, so {needed} it is.
            Space: {days} days with three replicas are {stored_tb:.0f} TB, {each_tb:.0f} on each broker, and room for
            open segments and growth. Often that decides; then tiered storage or larger disks are cheaper than brokers.
            Partitions come from the rate that one consumer can do.
        """,
        follow_up="Seven days are the default, are they not? Does retention promise them?",
        follow_up_answer="""
            Yes, log.retention.hours is {retention_h} by default, and no: it says when a segment may be deleted, a whole
            one at a time, and retention.bytes may delete it earlier. Disks fill at the peak's rate, so alert on the
            trend: {each_tb:.0f} TB a broker here.
        """,
        wrong=(
            WrongAnswer("Below 90 % on every broker is headroom enough.", _half_a_cluster),
            WrongAnswer("Sizing is disk space divided by the size of a disk.", _only_disk_space),
        ),
        picture=Picture(
            x="seconds",
            y="longest wait for an acknowledgement (s)",
            curves=lambda runs: {name: longest_waits(run) for name, run in runs.items()},
            title=lambda runs: _enough(runs).says,
        ),
    ),
    Question(
        number=64,
        topic="operations",
        level="senior",
        asks="The load on a cluster grows and grows. What breaks first?",
        predict="""
            Three m5.large brokers with 93.75 MB/s of network and 81.25 MB/s of disk each, three replicas, two groups
            that read everything. Which is the first at its limit?
        """,
        choices=tuple(DEVICES.values()),
        flights=RAMPS,
        prove=_first,
        answer="""
            Usually the network or the disk, seldom the processor: brokers do not unpack what they store. Each byte
            leaves its leader {copies} times for replicas and once for each group, and it is written on three disks. In
            the run, with {groups} groups, {device} are first: {share:.0%} busy at {rate:.0f} MB/s, where arithmetic
            says {law:.1f}; the processors reached {cpu:.1%}. With one group it is {one_device}, at {one_rate:.0f} MB/s,
            and with three groups there are {three_rate:.0f} left. So the answer depends on how often data are read.
            What one sees is not a broker that breaks: produce latency rises, then followers fall out of sync, and
            buffers of producers fill. TLS, compression on the broker or tiny batches move the limit to the processor.
        """,
        follow_up="How do you find the limit before your users do?",
        follow_up_answer="""
            Utilisation of each device against its sustained rate, not its burst: cloud disks and cards have credits.
            Alert at two thirds, test with a ramp in a cluster of the same machines, and count catch-up reads in. Here
            the ramp ended at {rate:.0f} MB/s.
        """,
        wrong=(
            WrongAnswer("Kafka writes everything to disk, so disks are the first.", _disks_first),
            WrongAnswer("Readers are served from the page cache, so they cost nothing.", _readers_are_free),
        ),
        picture=Picture(
            x="groups that read everything",
            y="MB/s written at most",
            curves=lambda runs: {
                "flown": [(run.settings["groups"], sustained(run) / MB) for run in runs.values()],
                **{
                    f"limit of {DEVICES[device]}": [
                        (run.settings["groups"], limits(REPLICAS, run.settings["groups"])[device] / MB)
                        for run in runs.values()
                    ]
                    for device in ("network", "disk")
                },
            },
            title=lambda runs: _first(runs).says,
        ),
    ),
)
