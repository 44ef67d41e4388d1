"""An incident as a value: a page that wakes somebody, and the cases that may be behind it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from random import Random

from sim.scenario import Scenario
from sim.teach.incidents.symptoms import Symptom
from sim.world.plan import Plan
from sim.world.script.plan import plan_of
from sim.world.script.script import Script
from sim.world.settings import Settings

__all__ = ["Case", "Incident", "seed_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What is really the matter in one variant of an incident.

    The run ends at `end_s`; somebody is paged at `page_s`, with `page` as text. `cause` is one of the catalogue,
    `subjects` are what it may be said of, none when it needs no subject. `fix` mends it, as the player would write it,
    which the `symptom` shows. `why` is the symptom that explain is asked for, and its answer is told if it is one of
    `slugs`; `hints` lead on, the vaguest first, and `lesson` is what there is to learn. `nearly` are causes that are
    half right. `dress` changes the plan in ways that a script cannot say.
    """

    script: Script
    end_s: float
    page_s: float
    page: str
    cause: str
    subjects: tuple[str, ...]
    fix: Mapping[str, object]
    symptom: Symptom
    why: str
    slugs: tuple[str, ...]
    hints: tuple[str, ...]
    lesson: str
    nearly: tuple[str, ...] = ()
    dress: Callable[[Plan], Plan] = lambda plan: plan

    def scenario(self, name: str) -> Scenario:
        """What is flown; its name and story give nothing away."""

        def make(_: Settings) -> Plan:
            return self.dress(plan_of(self.script))

        return Scenario(name, "Somebody is paged; what is the matter?", self.page, make)


@dataclass(frozen=True, slots=True)
class Incident:
    """A page by its id, with a title that gives nothing away; which of the `cases` it is, the seed decides."""

    incident_id: str
    title: str
    cases: tuple[Callable[[Random], Case], ...]

    def draw(self, seed: int) -> tuple[Case, int]:
        """The case of a seed, with its numbers and names, and the seed to fly it with."""
        rng = Random(f"{self.incident_id}/{seed}")
        case = self.cases[rng.randrange(len(self.cases))]
        flight_seed = rng.getrandbits(31)
        return case(rng), flight_seed


def seed_of(student: str) -> int:
    """A seed of one's own for each student."""
    return int.from_bytes(sha256(student.encode()).digest()[:4])
