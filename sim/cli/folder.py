"""The folder of artefacts: a run's files come all at once, in place of those of an earlier run."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

from sim.rules.errors import ConfigError
from sim.view.catalogue import VIEWS

__all__ = ["artefacts"]

OF_ANY_RUN = (
    "manifest.json",
    "facts.jsonl",
    "metrics.csv",
    "verdict.json",
    *(f"{module}.png" for module in VIEWS.values()),
    "warehouse.duckdb",
    "money.json",
    "dead_letters.jsonl",
)


@contextmanager
def artefacts(folder: Path) -> Iterator[Path]:
    """A place to write to; in the end its files take the place of all that an earlier run has left in the folder.

    After an exception nothing is left of it, and the folder is as it was. Raises ConfigError, one line, for a
    folder that cannot be made or written to.
    """
    made = [missing for missing in (folder, *folder.parents) if not missing.exists()]
    try:
        staging = _staging(folder)
        try:
            yield staging
            _replace(folder, staging)
        finally:
            rmtree(staging, ignore_errors=True)
    except BaseException:
        with suppress(OSError):
            for empty in made:
                empty.rmdir()
        raise


def _staging(folder: Path) -> Path:
    """A new hidden folder inside."""
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"--out {folder}: is a file; name a folder, which is made if need be")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return Path(mkdtemp(prefix=".unfinished-", dir=folder))
    except OSError as error:
        raise ConfigError(f"--out {folder}: {error.strerror or error}; name a folder that can be written to") from error


def _replace(folder: Path, staging: Path) -> None:
    for name in OF_ANY_RUN:
        (folder / name).unlink(missing_ok=True)
    for file in sorted(staging.iterdir()):
        file.replace(folder / file.name)
