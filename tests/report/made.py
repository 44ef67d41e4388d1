"""A story whose every name and word is an attack on the page that tells it."""

from collections.abc import Generator, Mapping
from functools import cache
from typing import Any

from simpy import Event

from sim.actors.client.app import App
from sim.run import Run
from sim.scenario import Scenario
from sim.world.plan import AppSpec, GroupSpec, Plan
from sim.world.settings import Settings
from sim.world.topics import Topic

HOSTILE = "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">'$name"
SECOND = 1_000_000_000


def send(app: App) -> Generator[Event, Any, None]:
    producer = app.producer(acks=0)
    for number in range(40):
        yield app.until(number * SECOND // 10)
        yield from producer.send("orders", key=HOSTILE.encode(), value=b"%d" % number)
    yield from producer.close()


def read(app: App) -> Generator[Event, Any, None]:
    consumer = app.consumer(HOSTILE, ["orders"], auto_offset_reset="earliest")
    while True:
        yield from consumer.poll()


def plan(_: Settings) -> Plan:
    return Plan(
        duration=5 * SECOND,
        topics=(Topic("orders", 2, 3),),
        apps=(AppSpec(HOSTILE, send, HOSTILE + " stage", finite=True), AppSpec("reader" + HOSTILE, read)),
        groups=(GroupSpec(HOSTILE, ("orders",)),),
        drain=2 * SECOND,
        wrap_up=lambda _: {"finding": HOSTILE + "; " + HOSTILE, "sentences": [HOSTILE]},
    )


def claims(_: Run) -> Mapping[str, bool]:
    return {HOSTILE: True, "and " + HOSTILE: False}


@cache
def hostile() -> Run:
    """The run of that story, in which no offset is ever committed."""
    return Scenario(HOSTILE, HOSTILE, HOSTILE, plan, claims=claims).run()
