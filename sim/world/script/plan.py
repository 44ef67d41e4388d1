"""The plan that a script makes: its applications with their behaviours, its groups, and who feeds whom."""

from dataclasses import replace

from sim.machine.clock import parse_duration
from sim.machine.machine_file import simulated
from sim.world.cluster import ClusterSpec
from sim.world.plan import AppSpec, GroupSpec, Plan
from sim.world.script.checking import app_names
from sim.world.script.consuming import consuming, sharing
from sim.world.script.pipelines import piping
from sim.world.script.producing import producing
from sim.world.script.script import Script

__all__ = ["plan_of"]


def plan_of(script: Script) -> Plan:
    """The plan of one flight. Applications keep what they know to themselves, so that a plan is for one flight only."""
    duration = parse_duration(script.duration)
    return Plan(
        duration=duration,
        drain=parse_duration(script.drain),
        cluster=_cluster(script),
        topics=script.topics,
        apps=_apps(script, duration),
        groups=(
            *(GroupSpec(part.group, part.topics) for part in script.consumers),
            *(
                GroupSpec(part.name, (part.source,), part.target if part.exactly_once else "")
                for part in script.pipelines
            ),
            *(GroupSpec(part.group, part.topics) for part in script.share_groups),
        ),
        faults=script.faults,
        stages=_stages(script),
        converge=script.expect.converged,
    )


def _cluster(script: Script) -> ClusterSpec:
    """A share group begins with the first record."""
    part = script.cluster
    groups = {share.group: {"share.auto.offset.reset": "earliest"} for share in script.share_groups}
    spec = ClusterSpec(
        brokers=part.brokers,
        racks=part.racks,
        controllers=part.controllers,
        broker_config=part.config,
        group_configs=groups,
        log_dirs=part.log_dirs,
    )
    if not part.hardware:
        return spec
    hardware, client_hardware, disks = simulated(part.hardware, "[cluster], hardware")
    return replace(spec, hardware=hardware, client_hardware=client_hardware, log_dirs=disks)


def _apps(script: Script, duration: int) -> tuple[AppSpec, ...]:
    return (
        *(
            AppSpec(name, producing(part, name, duration), part.name, True, part.transaction is not None)
            for part in script.producers
            for name in app_names(part.name, part.copies)
        ),
        *(
            AppSpec(name, consuming(part, name), part.group)
            for part in script.consumers
            for name in app_names(part.group, part.members)
        ),
        *(
            AppSpec(name, piping(part, name), part.name, transactional=part.exactly_once)
            for part in script.pipelines
            for name in app_names(part.name, part.members)
        ),
        *(
            AppSpec(name, sharing(part, name), part.group)
            for part in script.share_groups
            for name in app_names(part.group, part.members)
        ),
    )


def _stages(script: Script) -> tuple[tuple[str, str], ...]:
    """The edges of the workflow."""
    return (
        *((part.name, topic) for part in script.producers for topic in part.topics),
        *((topic, part.group) for part in script.consumers for topic in part.topics),
        *(edge for part in script.pipelines for edge in ((part.source, part.name), (part.name, part.target))),
        *((topic, part.group) for part in script.share_groups for topic in part.topics),
    )
