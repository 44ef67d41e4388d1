"""`kafkasim report`: the page of a run or of a scenario, and one line for what is neither."""

import json

import pytest

from tests.cli.command import Kafkasim

SHORT = ("--until", "4s", "--set", "arrivals=poisson:20")


@pytest.fixture
def flown(kafkasim: Kafkasim) -> Kafkasim:
    kafkasim.left_by("run", "broker-failure", *SHORT, "--out", "first")
    return kafkasim


def test_the_page_of_a_run_is_left_in_its_folder(flown: Kafkasim) -> None:
    before = flown.files()
    done = flown("report", "first/manifest.json")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("first/report.html is written, 0.")
    added = flown.files().keys() - before.keys()
    assert added == {"first/report.html"}
    trace = json.loads(before["first/manifest.json"])["trace_sha256"]
    assert trace[:16] in flown.files()["first/report.html"].decode()


def test_the_page_of_a_scenario_is_named_after_it(kafkasim: Kafkasim) -> None:
    assert kafkasim("report", "hello-topic").code == 0
    assert list(kafkasim.files()) == ["hello-topic.html"]


@pytest.mark.parametrize(
    ("field", "value", "line"),
    [
        ("partial", True, "that run was interrupted"),
        ("trace_sha256", "0" * 64, "it comes out otherwise now"),
        ("scenario", "broker-failur", "did you mean 'broker-failure'?"),
        ("seed", "0", "tells no seed"),
    ],
)
def test_a_run_that_cannot_be_told_is_one_line(flown: Kafkasim, field: str, value: object, line: str) -> None:
    manifest = flown.folder / "first" / "manifest.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), field: value}))
    before = flown.files()
    done = flown("report", "first")
    assert (done.code, done.out) == (2, "")
    assert line in done.err
    assert done.err.count("\n") == 1
    assert flown.files() == before


def test_a_run_of_another_version_is_told_by_its_versions(flown: Kafkasim) -> None:
    manifest = flown.folder / "first" / "manifest.json"
    content = json.loads(manifest.read_text())
    content["versions"]["kafkasim"] = "0.0.1"
    manifest.write_text(json.dumps({**content, "trace_sha256": "0" * 64}))
    done = flown("report", "first")
    assert done.code == 2
    assert "kafkasim was 0.0.1 and is" in done.err


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("empty",), "no manifest.json in it"),
        (("broker-failur",), "did you mean 'broker-failure'?"),
        (("hello-topic", "--out", "nowhere/page.html"), "name a file in a folder that is there"),
        (("hello-topic", "--out", "empty"), "name a file in a folder that is there"),
        (("hello-topic", "--out", " "), "the name of the page is empty"),
    ],
)
def test_what_cannot_be_is_one_line_and_nothing_is_written(
    kafkasim: Kafkasim, arguments: tuple[str, ...], line: str
) -> None:
    (kafkasim.folder / "empty").mkdir()
    done = kafkasim("report", *arguments)
    assert (done.code, done.out) == (2, "")
    assert line in done.err
    assert done.err.count("\n") == 1
    assert kafkasim.files() == {}
