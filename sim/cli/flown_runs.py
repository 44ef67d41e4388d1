"""A run by the folder that it left, or by the name of a scenario: flown again, as equal settings make equal facts."""

from collections.abc import Mapping
from pathlib import Path

from sim.cli.manifests import changed_versions, manifest_input, read_manifest
from sim.cli.scenario_files import find, find_again
from sim.rules.errors import ConfigError
from sim.run import Run

__all__ = ["flown_run"]


def flown_run(name: str, given: Mapping[str, object] | None = None, seed: int | None = None) -> Run:
    """The run of a folder, of a scenario's name or of a scenario file; `given` are settings beside its own.

    Without them a folder's run must have the facts that its manifest tells. Raises ConfigError, one line.
    """
    path = Path(name)
    if not (path.is_dir() or path.name == "manifest.json"):
        return _by_name(name, given or {}, seed)
    manifest = path / "manifest.json" if path.is_dir() else path
    if not manifest.is_file():
        raise ConfigError(f"{path}: no run's folder, as it has no manifest.json; kafkasim run leaves one")
    wanted = read_manifest(manifest)
    scenario = find_again(wanted["scenario"], wanted.get("script"))
    until = None if wanted["until_s"] is None else round(wanted["until_s"] * 1e9)
    settings = {**wanted["set"], **(given or {})}
    chosen = wanted["seed"] if seed is None else seed
    run = scenario.run(chosen, settings, until, wanted["faults"], manifest_input(wanted))
    if not given and chosen == wanted["seed"] and run.journal.sha256() != wanted["trace_sha256"]:
        changed = "; ".join(changed_versions(wanted, run.manifest())) or "the code has changed"
        raise ConfigError(f"{path}: that run cannot be flown again to the byte: {changed}; fly it anew")
    return run


def _by_name(name: str, given: Mapping[str, object], seed: int | None) -> Run:
    if "/" in name and not Path(name).exists():
        raise ConfigError(f"{name}: there is no such folder; name one that kafkasim run has left, or a scenario")
    scenario = find(name)
    return scenario.run(scenario.seed if seed is None else seed, given)
