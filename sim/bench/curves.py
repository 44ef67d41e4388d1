"""How fast the simulator flies against the record rate, the brokers and the partitions, as a picture."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from sim.bench.measuring import measure
from sim.bench.workloads import WORKLOADS, Workload

if TYPE_CHECKING:
    from sim.view.picture import Picture

__all__ = ["Speeds", "draw", "sentence", "speeds"]

BASE = replace(WORKLOADS["reference"], seconds=2.0)
VARIED: Mapping[str, Mapping[int, Workload]] = {
    "records per simulated second": {rate: replace(BASE, rate=rate) for rate in (10_000, 100_000, 300_000, 1_000_000)},
    "brokers, with four partitions each": {
        brokers: replace(BASE, rate=300_000, brokers=brokers, partitions=4 * brokers) for brokers in (3, 6, 12, 24)
    },
    "partitions": {count: replace(BASE, rate=300_000, partitions=count) for count in (3, 12, 48, 99)},
}

Speeds = Mapping[str, Mapping[int, Mapping[str, float]]]


def speeds() -> Speeds:
    """Measure each variation; by what is varied, then by its value."""
    return {name: {value: measure(each) for value, each in varied.items()} for name, varied in VARIED.items()}


def sentence(found: Speeds) -> str:
    """What the curves show."""
    rates = next(iter(found.values()))
    slow, fast = rates[min(rates)], rates[max(rates)]
    return (
        f"One core flies {per_core(slow, BASE):.1f} simulated seconds per second at {min(rates):,} records per second, "
        f"{per_core(fast, BASE):.2f} at {max(rates):,}"
    )


def per_core(measured: Mapping[str, float], workload: Workload) -> float:
    """Simulated seconds per second of one core's time."""
    return workload.seconds / measured["processor_s"]


def draw(found: Speeds) -> "Picture":
    """One panel for each thing that is varied."""
    from sim.view import colours
    from sim.view.picture import Picture

    picture = Picture(10.0, 3.8)
    for number, (name, points) in enumerate(found.items()):
        axes = picture.add_axes((0.07 + number * 0.32, 0.15, 0.25, 0.62))
        factors = [per_core(point, BASE) for point in points.values()]
        axes.plot(list(points), factors, "o-", color=colours.BLUE)
        axes.axhline(1, color=colours.GREY, linewidth=0.8, linestyle="--")
        axes.set(xscale="log", yscale="log", xlabel=name)
        axes.set_xticks(list(points), [f"{value:,}" for value in points], fontsize=8)
        axes.set_yticks([0.2, 0.5, 1, 2, 5, 10, 20], ["0.2", "0.5", "1", "2", "5", "10", "20"])
        axes.set_ylim(0.15, 20)
        axes.minorticks_off()
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y", color=colours.PALE)
        if number == 0:
            axes.set_ylabel("simulated s per s of one core (log scale)")
    picture.write(0.7, 0.12, sentence(found), fontsize=11.5, weight="bold", va="top")
    told = "replication 3, acks=all, 100-byte records; 300,000 records/s unless varied; dashed: the clock"
    picture.write(0.7, 0.4, told, fontsize=9, color=colours.GREY, va="top")
    return picture
