"""The verdict on a run, as values: what became of every acknowledged record."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields

from sim.observe.fates import Fates, RecordFate

__all__ = ["MOST_LISTED", "Verdict"]

MOST_LISTED = 100_000
"""Records of each kind that are written out; a run that is ended early may have left millions unread."""


@dataclass(slots=True)
class Verdict:
    """Lists of records by what went wrong; `redelivered` counts what groups got more than once (at-least-once).

    `aborted` counts the acknowledged records whose transaction was aborted: no group needs to get them.
    `given_up` counts what share groups have archived, as it was rejected or delivered too often: delivered, never done.
    `removed` counts the acknowledged records that retention or compaction has taken out of the log since.
    """

    acknowledged: int = 0
    lost: Sequence[RecordFate] = field(default_factory=Fates)
    duplicated: Sequence[RecordFate] = field(default_factory=Fates)
    reordered: Sequence[RecordFate] = field(default_factory=Fates)
    undelivered: Sequence[RecordFate] = field(default_factory=Fates)
    delivered: dict[str, int] = field(default_factory=dict)
    redelivered: dict[str, int] = field(default_factory=dict)
    given_up: dict[str, int] = field(default_factory=dict)
    removed: int = 0
    aborted: int = 0

    @property
    def ok(self) -> bool:
        """Whether every acknowledged record is there once, in order, and delivered."""
        return not (self.lost or self.duplicated or self.reordered or self.undelivered)

    def counts(self) -> dict[str, object]:
        """The short form: `ok` and how many records went each wrong way."""
        return {
            "ok": self.ok,
            "lost": len(self.lost),
            "duplicated": len(self.duplicated),
            "reordered": len(self.reordered),
            "undelivered": len(self.undelivered),
        }

    def as_json(self) -> dict[str, object]:
        """The long form: the records that went wrong; `given_up`, `aborted` and `unlisted` only where there is any.

        Of each kind the first MOST_LISTED are listed; `unlisted` counts the others.
        """
        values = {part.name: getattr(self, part.name) for part in fields(self)}
        lists = {name: value for name, value in values.items() if isinstance(value, Sequence)}
        told = values | {name: [asdict(record) for record in value[:MOST_LISTED]] for name, value in lists.items()}
        told["ok"] = self.ok
        told["unlisted"] = {name: len(value) - MOST_LISTED for name, value in lists.items() if len(value) > MOST_LISTED}
        for name in ("given_up", "aborted", "unlisted"):
            if not told[name]:
                del told[name]
        return told
