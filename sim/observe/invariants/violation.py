"""What an invariant's checker finds."""

from dataclasses import asdict, dataclass

__all__ = ["InvariantViolation"]


@dataclass(frozen=True, slots=True)
class InvariantViolation:
    """An invariant did not hold at a time in nanoseconds; `subject` is the partition, or group, that it concerns."""

    time: int
    name: str
    subject: str
    sentence: str

    @classmethod
    def at(cls, time: int, name: str, subject: object, words: str) -> "InvariantViolation":
        """A violation whose sentence begins with its time."""
        return cls(time, name, str(subject), f"at {time / 1e9:.3f} s {words}")

    def as_json(self) -> dict[str, object]:
        """The fields as they are."""
        return asdict(self)
