"""The verdict on a run, as values: what became of every acknowledged record."""

from dataclasses import asdict, dataclass, field

__all__ = ["RecordFate", "Verdict"]


@dataclass(frozen=True, slots=True)
class RecordFate:
    """One record that did not fare as it should; `number` counts what its producer sent to the partition."""

    partition: str
    producer: str
    number: int
    key: str | None
    sent_s: float | None
    acknowledged_s: float | None
    cause: str


@dataclass(slots=True)
class Verdict:
    """Lists of records by what went wrong; `redelivered` counts what groups got more than once (at-least-once).

    `aborted` counts the acknowledged records whose transaction was aborted: no group needs to get them.
    `given_up` counts what share groups have archived, as it was rejected or delivered too often: delivered, never done.
    `removed` counts the acknowledged records that retention or compaction has taken out of the log since.
    """

    acknowledged: int = 0
    lost: list[RecordFate] = field(default_factory=list)
    duplicated: list[RecordFate] = field(default_factory=list)
    reordered: list[RecordFate] = field(default_factory=list)
    undelivered: list[RecordFate] = field(default_factory=list)
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
        """The long form: every record that went wrong; `given_up` and `aborted` only where there is any."""
        told = {**asdict(self), "ok": self.ok}
        for name in ("given_up", "aborted"):
            if not told[name]:
                del told[name]
        return told
