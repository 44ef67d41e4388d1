"""`kafkasim plot`: pictures of a run or of a scenario, and one line for what cannot be drawn."""

import json

import pytest

from sim.observe.metrics import Metrics
from tests.cli.command import Kafkasim

PNG = b"\x89PNG"
RUN = ("run", "hello-topic", "--until", "3s", "--out", "o")


def flown(kafkasim: Kafkasim) -> None:
    kafkasim.left_by(*RUN)


def test_a_run_is_drawn_into_its_folder(kafkasim: Kafkasim) -> None:
    flown(kafkasim)
    before = kafkasim.files()
    outcome = kafkasim("plot", "o", "--what", "isr,ownership,sequence", "--at", "2s")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out == "o/isr.png is drawn.\no/ownership.png is drawn.\no/sequence.png is drawn.\n"
    files = kafkasim.files()
    assert files.keys() - before.keys() == {"o/isr.png", "o/ownership.png", "o/sequence.png"}
    assert all(files[name] == content for name, content in before.items())
    assert all(content[:4] == PNG for name, content in files.items() if name.endswith(".png"))


def test_a_later_run_takes_the_pictures_away(kafkasim: Kafkasim) -> None:
    flown(kafkasim)
    assert kafkasim("plot", "o", "--what", "isr").code == 0
    assert kafkasim(*RUN).code == 0
    assert "o/isr.png" not in kafkasim.files()


def test_a_scenario_is_flown_and_all_of_it_drawn(kafkasim: Kafkasim) -> None:
    outcome = kafkasim(
        "plot", "hello-topic", "--what", "all", "--seed", "2", "--out", "p", "--partition", "greetings-0"
    )
    assert outcome.code == 0, outcome
    assert len(kafkasim.files()) == len(outcome.out.splitlines()) == 11


def test_the_seed_changes_what_is_drawn(kafkasim: Kafkasim) -> None:
    for seed in ("1", "2"):
        assert kafkasim("plot", "hello-topic", "--what", "requests", "--seed", seed, "--out", seed).code == 0
    assert kafkasim.files()["1/requests.png"] != kafkasim.files()["2/requests.png"]


def test_another_run_than_that_of_the_folder_is_told(kafkasim: Kafkasim) -> None:
    flown(kafkasim)
    path = kafkasim.folder / "o" / "manifest.json"
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps({**manifest, "seed": 8}))
    outcome = kafkasim("plot", "o/manifest.json", "--what", "lag")
    assert outcome.code == 2
    assert "o/manifest.json: that run cannot be told, it comes out otherwise now: " in outcome.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("o --what isrr", "unknown view 'isrr', did you mean 'isr'?"),
        ("o --what isr,", "unknown view ''; there are overview, throughput, "),
        ("o --what sequence --at 4s", "--at 4s: the run ends at 3 s; name a time before that"),
        ("o --what sequence --at soon", "--at: 'soon' is not a duration"),
        ("o --what staircase --partition nope", "--partition nope: unknown partition; there are "),
        ("o --what lag --at 2s", "--at concerns the sequence; draw it with --what sequence"),
        ("o --what lag --partition greetings-0", "--partition concerns the staircase; draw it with --what staircase"),
        ("o --seed 3", "o is a run that was flown; --seed and --set are for a scenario"),
        ("o --set acks=1", "o is a run that was flown; --seed and --set are for a scenario"),
        ("empty", "empty: is no folder of a run, there is no manifest.json in it"),
        ("hello-topics", "unknown scenario 'hello-topics', did you mean 'hello-topic'?"),
        ("o --out file --what lag", "--out file: "),
        ("foreign", "foreign/manifest.json: is no JSON"),
        ("partial", "partial/manifest.json: that run was interrupted"),
    ],
)
def test_what_cannot_be_drawn_is_one_line(kafkasim: Kafkasim, arguments: str, told: str) -> None:
    flown(kafkasim)
    manifest = json.loads((kafkasim.folder / "o" / "manifest.json").read_text())
    for folder in ("empty", "foreign", "partial"):
        (kafkasim.folder / folder).mkdir()
    kafkasim.write("foreign/manifest.json", "mine")
    kafkasim.write("partial/manifest.json", json.dumps({**manifest, "partial": True}))
    kafkasim.write("file", "")
    before = kafkasim.files()
    outcome = kafkasim("plot", *arguments.split())
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith(f"kafkasim: {told}")
    assert outcome.err.count("\n") == 1
    assert kafkasim.files() == before


def test_of_an_interrupted_flight_nothing_is_drawn(kafkasim: Kafkasim, monkeypatch: pytest.MonkeyPatch) -> None:
    times: list[int] = []

    def interrupted(_: Metrics) -> None:
        times.append(len(times))
        if len(times) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(Metrics, "sample", interrupted)
    with pytest.raises(KeyboardInterrupt):
        kafkasim("plot", "hello-topic", "--what", "lag")
    assert len(times) == 4
    assert kafkasim.files() == {}
