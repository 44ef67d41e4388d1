"""What a command looks at: a run that has left its folder, or a scenario that is flown for it."""

from collections.abc import Mapping
from pathlib import Path

from rich.console import Console

import scenarios
from sim.cli.manifests import changed_versions, manifest_input, read_manifest
from sim.cli.scenario_files import find, find_again
from sim.rules.errors import ConfigError
from sim.run import Run

__all__ = ["flown", "manifest_of"]


def flown(
    source: str, seed: int | None = None, given: Mapping[str, object] | None = None, recorded: bool = False
) -> tuple[Run, Path | None]:
    """The run in the folder RUN, flown once more, and the folder; or the scenario NAME.

    A seed and settings come on top of its own; without them a run must come out the same. Raises ConfigError, one line.
    """
    manifest = manifest_of(source)
    with Console(stderr=True).status(f"flying {source}"):
        if manifest is not None:
            return _again(manifest, seed, given or {}, recorded), manifest.parent
        scenario = find(source)
        return scenario.run(scenario.seed if seed is None else seed, given, recorded=recorded), None


def manifest_of(source: str) -> Path | None:
    """The manifest of a folder or itself; None for the name of a scenario. Raises ConfigError, one line."""
    path = Path(source)
    if path.is_dir():
        if not (path / "manifest.json").is_file():
            if source in scenarios.names():
                return None
            raise ConfigError(f"{source}: is no folder of a run, there is no manifest.json in it")
        return path / "manifest.json"
    if "/" in source and not path.exists():
        raise ConfigError(f"{source}: there is no such folder; name one that kafkasim run has left, or a scenario")
    return path if path.name == "manifest.json" or (path.is_file() and path.suffix == ".json") else None


def _again(manifest: Path, seed: int | None, given: Mapping[str, object], recorded: bool) -> Run:
    """The run of a manifest. Raises ConfigError, one line, when it should come out the same and does not."""
    wanted = read_manifest(manifest)
    scenario = find_again(wanted["scenario"], wanted.get("script"))
    until = None if wanted["until_s"] is None else round(wanted["until_s"] * 1e9)
    chosen, settings = wanted["seed"] if seed is None else seed, {**wanted["set"], **given}
    data = manifest_input(wanted)
    run = scenario.run(chosen, settings, until, wanted["faults"], data, recorded=recorded)
    is_same = not given and chosen == wanted["seed"]
    if is_same and not run.partial and run.journal.sha256() != wanted["trace_sha256"]:
        changed = "; ".join(changed_versions(wanted, run.manifest())) or "the code or the manifest has changed"
        raise ConfigError(f"{manifest}: that run cannot be told, it comes out otherwise now: {changed}; fly it anew")
    return run
