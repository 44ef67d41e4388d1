"""Every bug on purpose is found by some seed; the quick ones here always, all of them in a study."""

import sys

import pytest

from sim.fuzz.swarm import Subject
from sim.fuzz.trial import Trial, fly
from tests.fuzz.bugs import BUGS

MOST_SEEDS = 200
QUICK = {
    "high_watermark_is_the_leaders_end": 0,
    "coordinator_loads_nothing": 8,
    "sequence_numbers_are_not_looked_at": 30,
    "retries_go_to_the_end_of_the_queue": 30,
    "readers_see_open_transactions": 293,
}
"""Seeds that find a bug."""


def flown(seed: int) -> Trial:
    """What a seed shows."""
    subject = Subject()
    return fly(subject.plan(subject.script(seed)), seed)


@pytest.mark.parametrize("name", QUICK)
def test_some_bugs_and_the_seeds_that_find_them(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seed = QUICK[name]
    assert flown(seed).unexplained == ()
    BUGS[name](monkeypatch)
    assert flown(seed).unexplained != ()


@pytest.mark.slow
@pytest.mark.parametrize("name", BUGS)
def test_every_bug_is_found_within_200_seeds(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    BUGS[name](monkeypatch)
    found = next((trial for trial in map(flown, range(MOST_SEEDS)) if trial.unexplained), None)
    assert found is not None
    with capsys.disabled():
        sys.stdout.write(f"\n{name}: seed {found.seed}, {found.unexplained[0].name}\n")
