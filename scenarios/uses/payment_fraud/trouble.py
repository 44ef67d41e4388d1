"""What breaks in the payment story, and which settings cannot go together."""

from collections.abc import Mapping

from sim.machine.clock import parse_duration
from sim.rules.errors import ConfigError
from sim.world.faults import AppCrash, BrokerCrash, Fault
from sim.world.settings import Knob, Settings

__all__ = ["check", "planned_faults", "too_late"]

OF_THE_GENERATOR = ("arrivals", "duration", "customers", "merchants", "fraud_share")
TIMES = ("broker_crash_at", "detector_crash_at")


def check(settings: Settings, knobs: Mapping[str, Knob]) -> None:
    """Refuse what makes no sense together. Raises ConfigError, one line."""
    changed = [name for name, knob in knobs.items() if settings[name] != knob.default]
    if settings.input is not None:
        idle = next((name for name in OF_THE_GENERATOR if name in changed), None)
        if idle is not None:
            raise ConfigError(f"{idle}={settings[idle]}: {knobs[idle].meaning}; with --input the file says that")
    elif parse_duration(settings["duration"]) <= 0:
        raise ConfigError(f"duration={settings['duration']}: must be more than nothing, such as 4m")
    for name in TIMES:
        if settings.faults and name in changed and _is_too_late(settings, name):
            raise ConfigError(
                f"{name}={settings[name]}: payments arrive for {settings['duration']} only; "
                "set an earlier time, or a longer duration"
            )


def planned_faults(settings: Settings) -> tuple[Fault, ...]:
    """The broker and the detector that crash; not those whose time is never reached in a short run."""
    broker = BrokerCrash(
        broker=settings["broker_crash"], at=settings["broker_crash_at"], lasts=settings["broker_back_after"]
    )
    detector = AppCrash(
        app=f"detector-{min(2, settings['detectors'])}",
        at=settings["detector_crash_at"],
        lasts=settings["detector_back_after"],
    )
    faults = zip(TIMES, (broker, detector), strict=True)
    return tuple(fault for name, fault in faults if not _is_too_late(settings, name))


def too_late(settings: Settings) -> list[str]:
    """A sentence for each fault of the story that a short run leaves out."""
    return [
        f"The run is too short for {name}={settings[name]}, so that crash did not happen."
        for name in TIMES
        if settings.faults and _is_too_late(settings, name)
    ]


def _is_too_late(settings: Settings, name: str) -> bool:
    """Whether a crash lies behind the last payment; how long a file lasts is not known beforehand."""
    return settings.input is None and parse_duration(settings[name]) >= parse_duration(settings["duration"])
