"""Fault schedules by chance: some kinds of fault, at some times, on what a plan has; all end before the load does.

A broker whose log directory was offline is started again once the disk is mended: only that brings it back.
"""

import random
from collections.abc import Callable, Mapping

from sim.machine.clock import SECOND
from sim.rules.errors import ConfigError
from sim.world import faults
from sim.world.faults import Fault, check_schedule
from sim.world.plan import Plan

__all__ = ["draw_faults"]

Draw = Callable[[random.Random, Plan], Fault | None]

EARLIEST = 2 * SECOND
AT = "0s"


def draw_faults(chance: random.Random, plan: Plan, load: int) -> tuple[Fault, ...]:
    """Up to six faults of at most five kinds, none that contradicts another one, in order of time."""
    kinds = chance.sample(list(DRAWS), k=chance.randint(1, 5))
    chosen: list[Fault] = []
    for _ in range(chance.randint(1, 6)):
        fault = DRAWS[chance.choice(kinds)](chance, plan)
        if fault is None:
            continue
        more = _with_restart(_placed(chance, fault, load))
        try:
            check_schedule([*chosen, *more], load)
        except ConfigError:
            continue
        chosen += more
    return tuple(sorted(chosen, key=lambda fault: (fault.begins, str(fault))))


def _placed(chance: random.Random, fault: Fault, load: int) -> Fault:
    """At a time and for a while, in whole milliseconds, so that it is over when the load is."""
    latest = max(EARLIEST + SECOND, load - 2 * SECOND)
    begin_ms = chance.randint(EARLIEST, latest) // 1_000_000
    left_ms = max(1, load // 1_000_000 - begin_ms)
    lasts_ms = chance.randint(1, left_ms) if chance.random() < 0.8 else min(left_ms, chance.choice((1, 50, 500)))
    return faults.at_random(
        fault, chance, (f"{begin_ms}ms", f"{begin_ms}ms"), None if fault.lasts is None else (f"{lasts_ms}ms",) * 2
    )


def _with_restart(fault: Fault) -> list[Fault]:
    if isinstance(fault, faults.DiskFull) and fault.directory and fault.ends is not None:
        return [fault, faults.BrokerCrash(broker=fault.broker, at=f"{fault.ends}ns", lasts="500ms")]
    return [fault]


def _broker(chance: random.Random, plan: Plan) -> int:
    return chance.randint(1, plan.cluster.brokers)


def _voter(chance: random.Random, plan: Plan) -> int:
    return plan.cluster.controller_ids[chance.randrange(plan.cluster.controllers)]


def _app(chance: random.Random, plan: Plan, *, finite: bool | None = None) -> str | None:
    names = [app.name for app in plan.apps if finite is None or app.finite is finite]
    return chance.choice(names) if names else None


def _side(chance: random.Random, plan: Plan) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """A server from the other servers, from clients, or from everybody; or an application from the brokers."""
    broker = (f"broker-{_broker(chance, plan)}",)
    name = _app(chance, plan)
    choices: list[tuple[tuple[str, ...], tuple[str, ...]]] = [(broker, ()), (broker, ("controllers",))]
    if plan.cluster.brokers > 1:
        choices += [(broker, ("brokers",)), (broker, ("brokers", "controllers"))]
    if plan.cluster.controllers > 1:
        controller = (f"controller-{_voter(chance, plan)}",)
        choices += [(controller, ()), (controller, ("controllers",)), (controller, ("brokers",))]
    if name is not None:
        choices += [(broker, ("clients",)), (("clients",), broker), ((name,), ("brokers",)), (("brokers",), (name,))]
    return chance.choice(choices)


def _crash(chance: random.Random, plan: Plan) -> Fault:
    return faults.BrokerCrash(broker=_broker(chance, plan), at=AT, lasts=AT)


def _hang(chance: random.Random, plan: Plan) -> Fault:
    return faults.BrokerHang(broker=_broker(chance, plan), at=AT, lasts=AT)


def _shutdown(chance: random.Random, plan: Plan) -> Fault:
    return faults.BrokerShutdown(broker=_broker(chance, plan), at=AT, lasts=AT)


def _pause(chance: random.Random, plan: Plan) -> Fault:
    return faults.StopTheWorldPause(broker=_broker(chance, plan), at=AT, lasts=AT)


def _busy(chance: random.Random, plan: Plan) -> Fault:
    return faults.CpuContention(broker=_broker(chance, plan), factor=chance.choice((4, 100)), at=AT, lasts=AT)


def _disk(chance: random.Random, plan: Plan) -> Fault:
    kind = chance.choice((faults.DiskSlow, faults.DiskStalled, faults.DiskFull, faults.DiskFailed))
    directory = chance.randrange(plan.cluster.log_dirs)
    return kind(broker=_broker(chance, plan), directory=directory, at=AT, lasts=AT)


def _power(chance: random.Random, plan: Plan) -> Fault:
    """One machine mostly, sometimes several at once."""
    count = min(chance.choice((1, 1, 1, 2, plan.cluster.brokers)), plan.cluster.brokers)
    brokers = tuple(sorted(chance.sample(range(1, plan.cluster.brokers + 1), count)))
    return faults.PowerFailure(brokers=brokers, at=AT, lasts=AT)


def _rolling(chance: random.Random, _: Plan) -> Fault:
    return faults.RollingRestart(down_for=chance.choice(("100ms", "1s", "3s")), pause="200ms", at=AT)


def _controller(chance: random.Random, plan: Plan) -> Fault:
    kind = chance.choice((faults.ControllerCrash, faults.ControllerHang))
    return kind(controller=_voter(chance, plan), at=AT, lasts=AT)


def _cut(chance: random.Random, plan: Plan) -> Fault:
    side, other = _side(chance, plan)
    return faults.NetworkPartition(side=side, other=other, one_way=chance.random() < 0.3, at=AT, lasts=AT)


def _slow(chance: random.Random, plan: Plan) -> Fault:
    side, other = _side(chance, plan)
    latency = chance.choice(("5ms", "50ms", "300ms"))
    return faults.LatencySpike(side=side, other=other, latency=latency, jitter="20ms", at=AT, lasts=AT)


def _lossy(chance: random.Random, plan: Plan) -> Fault:
    side, other = _side(chance, plan)
    return faults.LossyLink(side=side, other=other, loss=chance.choice((0.01, 0.1, 0.3)), at=AT, lasts=AT)


def _clogged(chance: random.Random, plan: Plan) -> Fault:
    side, other = _side(chance, plan)
    return faults.CloggedLink(side=side, other=other, bytes_per_s=chance.choice((2e4, 1e5)), at=AT, lasts=AT)


def _app_crash(chance: random.Random, plan: Plan) -> Fault | None:
    name = _app(chance, plan)
    return None if name is None else faults.AppCrash(app=name, at=AT, lasts=AT)


def _app_hang(chance: random.Random, plan: Plan) -> Fault | None:
    name = _app(chance, plan)
    return None if name is None else faults.AppHang(app=name, at=AT, lasts=AT)


def _slow_handler(chance: random.Random, plan: Plan) -> Fault | None:
    name = _app(chance, plan, finite=False)
    return None if name is None else faults.SlowHandler(app=name, factor=20, at=AT, lasts=AT)


def _burst(chance: random.Random, plan: Plan) -> Fault | None:
    name = _app(chance, plan, finite=True)
    return None if name is None else faults.TrafficBurst(app=name, factor=5, at=AT, lasts=AT)


def _skew(chance: random.Random, plan: Plan) -> Fault | None:
    name = _app(chance, plan, finite=True)
    return None if name is None else faults.KeySkew(app=name, share=0.9, at=AT, lasts=AT)


def _clock(chance: random.Random, plan: Plan) -> Fault | None:
    name = _app(chance, plan, finite=True)
    by = chance.choice(("1h", "-1h", "5s"))
    return None if name is None else faults.ClockSkew(app=name, by=by, at=AT, lasts=AT)


def _zombie(chance: random.Random, plan: Plan) -> Fault | None:
    """One whose twin shares its transactions; others would just be two."""
    names = [app.name for app in plan.apps if app.transactional]
    return faults.ZombieProducer(app=chance.choice(names), at=AT, lasts=AT) if names else None


def _config(chance: random.Random, plan: Plan) -> Fault:
    topic = chance.choice(plan.topics)
    changes = {"min.insync.replicas": ("1", "2", "3"), "max.message.bytes": ("500",), "segment.ms": ("1000",)}
    key = chance.choice(list(changes))
    return faults.ConfigChange(topic=topic.name, key=key, value=chance.choice(changes[key]), at=AT, lasts=AT)


def _poison(chance: random.Random, plan: Plan) -> Fault:
    topic = chance.choice(plan.topics)
    return faults.PoisonRecord(topic=topic.name, partition=chance.randrange(topic.partitions), at=AT)


DRAWS: Mapping[str, Draw] = {
    "broker-crash": _crash,
    "broker-hang": _hang,
    "broker-shutdown": _shutdown,
    "rolling-restart": _rolling,
    "stop-the-world-pause": _pause,
    "cpu-contention": _busy,
    "disk": _disk,
    "power-failure": _power,
    "controller": _controller,
    "network-partition": _cut,
    "latency-spike": _slow,
    "lossy-link": _lossy,
    "clogged-link": _clogged,
    "app-crash": _app_crash,
    "app-hang": _app_hang,
    "slow-handler": _slow_handler,
    "traffic-burst": _burst,
    "key-skew": _skew,
    "clock-skew": _clock,
    "poison-record": _poison,
    "zombie-producer": _zombie,
    "config-change": _config,
}
"""What a seed may draw."""
