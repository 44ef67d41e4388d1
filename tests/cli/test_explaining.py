"""`kafkasim explain`: the answer, and one line for what it cannot explain."""

import json

import pytest

from tests.cli.command import Kafkasim

STORY = """
duration = "4s"
[cluster.config]
"offsets.topic.num.partitions" = 1
[[topics]]
name = "orders"
replication_factor = 3
[[producers]]
name = "shop"
topics = ["orders"]
"""


def fly(kafkasim: Kafkasim) -> None:
    kafkasim.write("story.toml", STORY)
    kafkasim.left_by("run", "story.toml", "--out", "left")


def test_a_folder_and_a_name_are_explained_alike(kafkasim: Kafkasim) -> None:
    fly(kafkasim)
    outcomes = [kafkasim("explain", name, "--why", "loss", "--json") for name in ("left", "story.toml")]
    assert [outcome.code for outcome in outcomes] == [0, 0]
    assert outcomes[0].out == outcomes[1].out
    assert json.loads(outcomes[0].out)["cause"] == "none"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("left", "--why", "lagg"), "kafkasim: --why lagg: no symptom of this name, did you mean 'lag'?\n"),
        (("left", "--why", "lag", "--at", "9000s"), "kafkasim: --at 9000s: the run lasts from 0 s to 4 s\n"),
        (("left/plots", "--why", "lag"), "kafkasim: left/plots: there is no such folder; "),
        ((".", "--why", "lag"), "kafkasim: .: is no folder of a run, there is no manifest.json in it"),
    ],
)
def test_bad_input_is_one_line(kafkasim: Kafkasim, arguments: tuple[str, ...], line: str) -> None:
    fly(kafkasim)
    outcome = kafkasim("explain", *arguments)
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)
    assert outcome.err.startswith(line)


def test_a_run_of_another_version(kafkasim: Kafkasim) -> None:
    fly(kafkasim)
    manifest = json.loads((kafkasim.folder / "left/manifest.json").read_text())
    kafkasim.write("left/manifest.json", json.dumps({**manifest, "trace_sha256": "0" * 64}))
    outcome = kafkasim("explain", "left", "--why", "loss")
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)
    assert "that run cannot be told, it comes out otherwise now" in outcome.err
