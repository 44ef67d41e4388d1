"""The finished runs of a sweep in a DuckDB file, each written as soon as it is there."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sim.observe.whole_files import check_path
from sim.plan.flights import Outcome
from sim.rules.errors import ConfigError

__all__ = ["Store"]

PARQUET = ".parquet"
OTHER_KINDS = (".csv", ".json")

TABLES = """
    create table sweep(identity json);
    create table runs(
        configuration integer, replicate integer, seed bigint, varied json, wall_s double, manifest json,
        primary key (configuration, replicate)
    );
    create table measures(configuration integer, replicate integer, measure varchar, value double);
    create view tidy as
        select configuration, replicate, seed, varied, measure, value
        from runs join measures using (configuration, replicate) order by all;
"""


COPIED = """
    select tidy.*, wall_s, manifest from tidy join runs using (configuration, replicate)
    order by configuration, replicate, measure
"""


class Store:
    """One file, one sweep; `identity` is what decides how its runs come out.

    Table `runs` has a row for each with its manifest, `measures` its figures, and the view `tidy` both. A path that
    ends in .parquet gets a copy of them all once it is finished; until then they are in the DuckDB file beside it.
    Raises ConfigError, one line, for a file that is of another sweep, of another version, of another kind, or in use.
    """

    def __init__(self, path: Path, identity: Mapping[str, Any]) -> None:
        import duckdb

        check_path(path, "sweep.duckdb")
        if path.suffix in OTHER_KINDS:
            raise ConfigError(f"--out {path}: runs are kept in a DuckDB file; name it {path.with_suffix('.duckdb')}")
        self._copy = path if path.suffix == PARQUET else None
        self.path = path = path.with_suffix(".duckdb") if self._copy else path
        try:
            self._database = duckdb.connect(str(path), config={"threads": 1})
        except duckdb.Error as error:
            told = "is in use by another process" if "lock" in str(error) else "is no DuckDB file that can be written"
            raise ConfigError(f"--out {path}: {told}; name another file") from error
        try:
            self._begin(json.loads(json.dumps(identity)))
        except BaseException:
            self.close()
            raise

    def outcomes(self) -> Iterable[Outcome]:
        """All finished runs, in order."""
        found: dict[tuple[int, int], dict[str, float]] = {}
        order = "order by configuration, replicate, rowid"
        rows = self._database.execute(f"select configuration, replicate, measure, value from measures {order}")
        for configuration, replicate, measure, value in rows.fetchall():
            found.setdefault((configuration, replicate), {})[measure] = value
        columns = "configuration, replicate, seed, varied, wall_s, manifest"
        for configuration, replicate, seed, varied, wall_s, manifest in self._database.execute(
            f"select {columns} from runs order by configuration, replicate"
        ).fetchall():
            measured = found.get((configuration, replicate), {})
            values = json.loads(varied), measured, wall_s, json.loads(manifest)
            yield Outcome(configuration, replicate, seed, *values)

    def add(self, outcome: Outcome) -> None:
        """Keep a run; from now on no kill can lose it."""
        key = outcome.configuration, outcome.replicate
        varied, manifest = json.dumps(dict(outcome.varied)), json.dumps(outcome.manifest)
        self._database.begin()
        run = *key, outcome.seed, varied, outcome.wall_s, manifest
        self._database.execute("insert into runs values (?, ?, ?, ?, ?, ?)", run)
        names, values = list(outcome.measures), list(outcome.measures.values())
        self._database.execute(
            "insert into measures select ?, ?, unnest(?::varchar[]), unnest(?::double[])", [*key, names, values]
        )
        self._database.commit()

    def finish(self) -> None:
        """Leave the copy that was asked for: a row for each figure of each run, with the run's manifest."""
        if self._copy is not None:
            part = self._copy.with_suffix(".part")
            self._database.execute(f"copy ({COPIED}) to {_quoted(part)} (format parquet)")
            part.replace(self._copy)

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def _begin(self, identity: Mapping[str, Any]) -> None:
        tables = {name for (name,) in self._database.execute("select table_name from duckdb_tables()").fetchall()}
        if not tables:
            self._database.begin()
            self._database.execute(TABLES)
            self._database.execute("insert into sweep values (?)", [json.dumps(identity)])
            self._database.commit()
            return
        if not {"sweep", "runs", "measures"} <= tables:
            raise ConfigError(f"--out {self.path}: is a database, but not of a sweep; name another file")
        found = self._database.execute("select identity from sweep").fetchone()
        known = json.loads(found[0]) if found else {}
        for name, value in identity.items():
            if known.get(name) != value:
                raise ConfigError(f"--out {self.path}: {_difference(name, known.get(name), value)}; name another file")


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def _difference(name: str, there: object, here: object) -> str:
    if name == "versions" and isinstance(there, dict) and isinstance(here, dict):
        other = next(key for key in here if there.get(key) != here[key])
        return f"was written with {other} {there.get(other)}, and this is {here[other]}"
    if isinstance(there, str | int | float) and isinstance(here, str | int | float) and name != "script":
        return f"belongs to another sweep, whose {name} is {there} and not {here}"
    return f"belongs to another sweep, with other {name}"
