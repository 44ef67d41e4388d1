"""A `Script` as a plan to fly."""

from difflib import get_close_matches

from sim.machine.clock import parse_duration
from sim.rules.errors import ConfigError
from sim.world.cluster import ClusterSpec
from sim.world.plan import AppSpec, GroupSpec, Plan
from sim.world.script.readers import pipeline, reader
from sim.world.script.script import Script
from sim.world.script.sources import source

__all__ = ["plan_of"]


def plan_of(script: Script) -> Plan:
    """The plan. Raises ConfigError, one line, for a client of a topic that is not there, or a name twice."""
    topics = {topic.name: topic for topic in script.topics}
    duration = parse_duration(script.duration)
    apps = [AppSpec(each.name, source(each, duration), each.name, finite=True) for each in script.producers]
    stages = [(each.name, each.topic) for each in script.producers]
    for each in script.consumers:
        apps += [AppSpec(f"{each.group}-{number}", reader(each), each.group) for number in range(1, each.members + 1)]
        stages += [(topic, each.group) for topic in each.topics]
    for copy in script.pipelines:
        apps += [AppSpec(f"{copy.group}-{number}", pipeline(copy), copy.group) for number in range(1, copy.members + 1)]
        stages += [(copy.source, copy.group), (copy.group, copy.target)]
    _check(script, list(topics), [app.name for app in apps])
    cluster = script.cluster
    return Plan(
        duration=duration,
        drain=parse_duration(script.drain),
        cluster=ClusterSpec(cluster.brokers, cluster.racks, cluster.config),
        topics=script.topics,
        apps=tuple(apps),
        groups=(
            *(GroupSpec(each.group, each.topics) for each in script.consumers),
            *(GroupSpec(each.group, (each.source,)) for each in script.pipelines),
        ),
        faults=script.faults,
        stages=tuple(stages),
        settles=script.expect.converges,
    )


def _check(script: Script, topics: list[str], apps: list[str]) -> None:
    named = [("producer", each.name, each.topic) for each in script.producers]
    named += [("consumer", each.group, topic) for each in script.consumers for topic in each.topics]
    named += [("pipeline", each.group, topic) for each in script.pipelines for topic in (each.source, each.target)]
    for kind, name, topic in named:
        if topic not in topics:
            near = get_close_matches(topic, topics, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(topics)}"
            raise ConfigError(f"{kind} {name}: there is no topic {topic}; {hint}")
    names = [*topics, *apps]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ConfigError(f"the name {twice} is taken twice; topics, producers and members need names of their own")
