"""An interview question: what is asked, the experiment that answers it, and what people say who are wrong."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sim.run import Run
from sim.scenario import Scenario

__all__ = ["Experiment", "Picture", "Proof", "Question", "Runs", "WrongAnswer"]

Runs = Mapping[str, Run]
"""The flights of a question by the names that it gives them; none where Kafka's rules alone answer it."""


@dataclass(frozen=True, slots=True)
class Experiment:
    """A flight: a scenario of the library by its name, or one that is made here, with what is set in it."""

    scenario: str | Scenario
    set: Mapping[str, object] = field(default_factory=dict)
    seed: int = 0
    until: str | None = None
    faults: bool = True
    recorded: bool = False


@dataclass(frozen=True, slots=True)
class Proof:
    """What the runs show: whether it is as the answer says, the number that proves it, and a sentence with it.

    `figures` fill the places of the model answer; all of them come from runs or from Kafka's rules.
    """

    holds: bool
    number: float
    unit: str
    says: str
    figures: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WrongAnswer:
    """What candidates say, and what the runs say to it.

    `refute` tells whether the runs refute it, and a sentence with computed numbers that says so.
    """

    says: str
    refute: Callable[[Runs], tuple[bool, str]]


@dataclass(frozen=True, slots=True)
class Picture:
    """Which view of which flight shows the answer best: a name of `sim.view.catalogue`, or curves of one quantity.

    `curves` gives, for each line, its points (x, y) from the runs; then `view` is `curves` and `x` and `y` name the
    axes with their units.
    """

    flight: str = ""
    view: str = "overview"
    title: Callable[[Runs], str] | None = None
    x: str = ""
    y: str = ""
    curves: Callable[[Runs], Mapping[str, list[tuple[float, float]]]] | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """One of the inventory. `number` is its place there, 1 to 66; `topic` and `level` are what it is chosen by.

    `predict` asks the candidate for the number of the proof (or for one of `choices`) before the runs. `answer` is the
    model answer in 60 seconds (at most 160 words), with places such as `{lost:,}` that the figures of the proof fill.
    `follow_up` is what interviewers ask next, and `follow_up_answer` what to say then, filled in the same way. Line
    breaks and spaces of the texts are those of the code; who shows them joins the words.
    """

    number: int
    topic: str
    level: str
    asks: str
    predict: str
    flights: Mapping[str, Experiment]
    prove: Callable[[Runs], Proof]
    answer: str
    follow_up: str
    follow_up_answer: str
    wrong: tuple[WrongAnswer, ...]
    picture: Picture
    choices: tuple[str, ...] = ()
