"""Latency against utilisation: the same cluster at growing shares of the load that saturates it."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sim.capacity.load import Load
from sim.capacity.probe import fly_load
from sim.machine.clock import SECOND
from sim.machine.profiles import PROFILES

if TYPE_CHECKING:
    from sim.view.picture import Picture

__all__ = ["Hockey", "draw", "hockey_stick"]

PROFILE = "m5.large"
SHARES = (0.1, 0.3, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98)
VALUE_BYTES = 1_000
QUANTILES = (("p50", "BLUE", "o-"), ("p95", "GREEN", "s--"), ("p99", "VERMILLION", "^:"))


@dataclass(frozen=True, slots=True)
class Hockey:
    """Records per second that saturate the cluster, and at shares of it the milliseconds to acknowledgement."""

    saturated_per_s: float
    publish_ms: dict[float, dict[str, float]]

    def sentence(self) -> str:
        """What the curve shows."""
        low, high = min(self.publish_ms), max(self.publish_ms)
        calm, full = self.publish_ms[low]["p99"], self.publish_ms[high]["p99"]
        return (
            f"Three {PROFILE} brokers take {self.saturated_per_s:,.0f} records of {VALUE_BYTES:,} bytes per second; "
            f"the 99th percentile rises from {calm:.1f} ms at {low:.0%} of that to {full:.0f} ms at {high:.0%}"
        )


def hockey_stick() -> Hockey:
    """Fly the cluster saturated, then at each share of what it took."""
    machines = PROFILES[PROFILE].machines()
    load = Load(
        hardware=machines.hardware,
        client_hardware=machines.client_hardware,
        brokers=3,
        partitions=12,
        replication_factor=3,
        value_size=VALUE_BYTES,
        producers=3,
        groups=(3,),
        topic_config={"min.insync.replicas": 2},
        begin=1 * SECOND,
        until=3 * SECOND,
        on_schedule=True,
    )
    most = fly_load(load).produced_per_s
    return Hockey(most, {share: dict(fly_load(replace(load, rate=most * share)).publish_ms()) for share in SHARES})


def draw(found: Hockey) -> "Picture":
    """The curve as a figure."""
    from sim.view import colours
    from sim.view.picture import Picture

    picture = Picture(8.0, 4.2)
    axes = picture.add_axes((0.09, 0.13, 0.88, 0.70))
    for name, colour, style in QUANTILES:
        times = [found.publish_ms[share][name] for share in found.publish_ms]
        axes.plot([100 * share for share in found.publish_ms], times, style, color=getattr(colours, colour), label=name)
    axes.set_yscale("log")
    axes.set_yticks([1, 2, 5, 10, 20, 50, 100], ["1", "2", "5", "10", "20", "50", "100"])
    axes.set_xlabel("load, as a share of what saturates the cluster (%)")
    axes.set_ylabel("from send to acknowledgement (ms, log scale)")
    axes.grid(axis="y", color=colours.PALE)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    head, _, tail = found.sentence().replace(" of that", " load").partition("; ")
    picture.write(0.72, 0.12, tail[0].upper() + tail[1:], fontsize=12, weight="bold", va="top")
    picture.write(0.72, 0.40, f"{head}; replication 3, acks=all", fontsize=9, color=colours.GREY, va="top")
    return picture
