"""What is written on the command line, as values."""

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from sim.machine.clock import parse_duration
from sim.rules.errors import ConfigError
from sim.scenario import Scenario
from sim.world.settings import Input

__all__ = ["OnBadLine", "read_duration", "read_input", "read_out", "read_pairs", "read_until"]

OnBadLine = Literal["stop", "skip", "dead-letter"]


def read_pairs(pairs: Iterable[str], option: str = "--set", example: str = "acks=1") -> dict[str, object]:
    """Each `key=value`; of a key that is given twice the last counts. Raises ConfigError, one line."""
    given: dict[str, object] = {}
    for pair in pairs:
        key, separator, value = (part.strip() for part in pair.partition("="))
        if not separator or not key:
            raise ConfigError(f"{option} {pair}: write it as key=value, for instance {option} {example}")
        given[key] = value
    return given


def read_duration(option: str, text: str) -> int:
    """Nanoseconds. Raises ConfigError that names the option."""
    try:
        return parse_duration(text)
    except ValueError as error:
        raise ConfigError(f"{option}: {error}") from error


def read_until(text: str | None) -> int | None:
    """Nanoseconds at which to stop, None for never. Raises ConfigError, one line."""
    if text is None:
        return None
    until = read_duration("--until", text)
    if until <= 0:
        raise ConfigError(f"--until {text}: must be more than nothing, such as 90s")
    return until


def read_out(text: str | None, scenario: Scenario) -> Path:
    """The folder for the artefacts. Raises ConfigError for an empty name."""
    if text is None:
        return Path("runs") / scenario.name
    if not text.strip():
        raise ConfigError("--out: the name of the folder is empty; name one, such as runs/mine")
    return Path(text)


def read_input(
    scenario: Scenario,
    source: str | None,
    columns: str | None,
    speed: str | None,
    reorder_window: str | None,
    on_bad_line: OnBadLine | None,
) -> Input | None:
    """The options that concern the input, checked. Raises ConfigError, one line."""
    from scenarios.uses.payment_fraud.columns import parse_columns
    from scenarios.uses.payment_fraud.replay import parse_speed

    rest = {
        "--columns": columns,
        "--speed": speed,
        "--reorder-window": reorder_window,
        "--on-bad-line": on_bad_line,
    }
    if source is None:
        lonely = next((option for option, value in rest.items() if value is not None), None)
        if lonely is not None:
            raise ConfigError(f"{lonely} concerns the lines of an input; name the file with --input FILE")
        return None
    if not scenario.takes_input:
        raise ConfigError(f"--input: {scenario.name} makes its own records; payment-fraud takes a file")
    return Input(
        Path(source),
        {} if columns is None else parse_columns(columns),
        1.0 if speed is None else parse_speed(speed),
        read_duration("--reorder-window", "1m" if reorder_window is None else reorder_window) // 1_000_000,
        on_bad_line or "stop",
    )
