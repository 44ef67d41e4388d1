"""A question with all that its runs say: the proof, the texts with their numbers, the wrong answers refuted."""

from dataclasses import dataclass
from typing import Any

from sim.teach.interview.flying import Find, Notice, fly
from sim.teach.interview.numbers import amount
from sim.teach.interview.question import Experiment, Proof, Question, Runs

__all__ = ["Answered", "Refutation", "answer", "flown_by"]


@dataclass(frozen=True, slots=True)
class Refutation:
    """What candidates say, whether the runs refute it, and the sentence with which they do."""

    says: str
    refuted: bool
    told: str


@dataclass(frozen=True, slots=True)
class Answered:
    """What came out when a question was asked of the simulator; a notebook shows all of it with the picture."""

    question: Question
    runs: Runs
    proof: Proof
    answer: str
    follow_up_answer: str
    refutations: tuple[Refutation, ...]

    @property
    def holds(self) -> bool:
        """Whether the runs prove the answer and refute every wrong one."""
        return self.proof.holds and all(each.refuted for each in self.refutations)

    def as_json(self) -> dict[str, Any]:
        """All of it but the pictures."""
        asked = self.question
        return {
            "number": asked.number,
            "topic": asked.topic,
            "level": asked.level,
            "asks": asked.asks,
            "predict": asked.predict,
            **({"choices": list(asked.choices)} if asked.choices else {}),
            "experiment": [flown_by(experiment) for experiment in asked.flights.values()],
            "proof": {"holds": self.proof.holds, "number": self.proof.number, "unit": self.proof.unit},
            "shown": self.proof.says,
            "answer": self.answer,
            "follow_up": asked.follow_up,
            "follow_up_answer": self.follow_up_answer,
            "wrong": [{"says": each.says, "refuted": each.refuted, "shown": each.told} for each in self.refutations],
        }

    def _repr_markdown_(self) -> str:
        from sim.teach.interview.pages import as_markdown

        return as_markdown(self)

    def _repr_html_(self) -> str:
        from sim.teach.interview.pages import as_html

        return as_html(self)

    def __repr__(self) -> str:
        return f"{self.question.asks} {amount(self.proof)}. {self.answer}"


def answer(question: Question, find: Find, notice: Notice = lambda _: None) -> Answered:
    """Fly a question's experiment and answer it. Raises ConfigError, one line, for what cannot be set."""
    runs = fly(question, find, notice)
    proof = question.prove(runs)
    said, then_said = (_filled(text, proof) for text in (question.answer, question.follow_up_answer))
    refutations = tuple(Refutation(wrong.says, *wrong.refute(runs)) for wrong in question.wrong)
    return Answered(question, runs, proof, said, then_said, refutations)


def flown_by(experiment: Experiment) -> str:
    """The command that flies it again, or what it is when no command does."""
    if not isinstance(experiment.scenario, str):
        return f"a flight of its own: {experiment.scenario.summary}"
    words = ["kafkasim run", experiment.scenario, *(f"--set {key}={value}" for key, value in experiment.set.items())]
    words += [f"--seed {experiment.seed}"] if experiment.seed else []
    words += [f"--until {experiment.until}"] if experiment.until else []
    return " ".join([*words, *([] if experiment.faults else ["--no-faults"])])


def _filled(text: str, proof: Proof) -> str:
    """A text with the figures of the proof in its places, in one line."""
    return " ".join(text.format_map(proof.figures).split())
