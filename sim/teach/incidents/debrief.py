"""What is told when an incident is over: the cause, why, a good fix, and the points."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sim.teach.incidents.causes import CAUSES
from sim.teach.incidents.incident import Case
from sim.teach.incidents.scoring import Recovery, Score

if TYPE_CHECKING:
    from sim.explain.chain import Chain

__all__ = ["Debrief"]


@dataclass(frozen=True, slots=True)
class Debrief:
    """The end of an incident. `mine` is what the player's fixes have mended, `best` what a good one would have.

    `chain` is the explanation of the run without any fix, None where it has another opinion than the catalogue.
    """

    case: Case
    diagnosis: tuple[str, str]
    fixes: tuple[tuple[float, Mapping[str, object]], ...]
    score: Score
    mine: Recovery | None
    best: Recovery
    chain: "Chain | None"

    def sentences(self) -> list[str]:
        """All of it, line by line."""
        case, score = self.case, self.score
        subject = f" of {case.subjects[0]}" if case.subjects else ""
        said = " of ".join(part for part in self.diagnosis if part) or "nothing"
        own = self.mine.sentence() if self.mine else "Nothing was fixed"
        fixes = "; ".join(f"{written(fix)} at {at_s:g} s" for at_s, fix in self.fixes) or "none"
        return [
            f"The cause: {case.cause}{subject} ({CAUSES[case.cause].partition(';')[0]}). You said: {said}.",
            case.lesson,
            *(f"Explained: {sentence}" for sentence in self._explained()),
            f"Your fix: {fixes}. {own}.",
            f"A good fix: {written(case.fix)} at {case.page_s:g} s. {self.best.sentence()}.",
            f"Score: {score.total} of 100 (cause {score.cause} of 40, fix {score.fix} of 40, time {score.time} of 20, "
            f"hints -{score.hints}).",
        ]

    def as_json(self) -> dict[str, Any]:
        """All of it as one JSON object."""
        case = self.case
        return {
            "cause": case.cause,
            "subjects": list(case.subjects),
            "lesson": case.lesson,
            "diagnosis": list(self.diagnosis),
            "fixes": [{"at_s": at_s, "set": dict(fix)} for at_s, fix in self.fixes],
            "recovery": None if self.mine is None else self.mine.as_json(),
            "good_fix": {"at_s": case.page_s, "set": dict(case.fix), "recovery": self.best.as_json()},
            "explained": self._explained(),
            "score": dict(self.score.as_json()),
        }

    def _explained(self) -> list[str]:
        return [] if self.chain is None else self.chain.sentences()

    def __str__(self) -> str:
        return "\n".join(self.sentences())


def written(fix: Mapping[str, object]) -> str:
    """A fix as it is written on the command line."""
    return " ".join(f"{key}={value}" for key, value in fix.items())
