"""`kafkasim run FILE.toml` and `kafkasim new`."""

import json

import pytest

from tests.cli.command import Kafkasim
from tests.world.script.files import CLUSTER

SHOP = """
[[producers]]
name = "shop"
topics = "orders"
arrivals = "constant:20"
keys = "uniform:50"
config = { acks = "1" }
[[consumers]]
group = "audit"
topics = "orders"
"""


def test_a_new_file_flies_and_what_it_expects_holds(kafkasim: Kafkasim) -> None:
    written = kafkasim("new", "first")
    assert (written.code, written.out) == (0, "first.toml is written; fly it: kafkasim run first.toml\n")
    outcome = kafkasim("run", "first.toml", "--json")
    summary = json.loads(outcome.out)
    assert (outcome.code, outcome.err, summary["unmet"]) == (0, "", [])
    assert summary["scenario"] == "first"
    assert summary["records_produced"] > 1500
    assert (kafkasim.folder / "runs/first/anomalies.json").exists()
    again = kafkasim("new", "first")
    assert (again.code, again.out) == (2, "")
    assert again.err == "kafkasim: first.toml is there already; choose another name\n"


def test_a_rerun_needs_nothing_but_the_manifest(kafkasim: Kafkasim) -> None:
    file = kafkasim.write("mine.toml", CLUSTER + SHOP)
    first = kafkasim("run", "mine.toml", "--seed", "3", "--set", "producer.linger.ms=20", "--json")
    file.unlink()
    again = kafkasim("rerun", "runs/mine/manifest.json", "--json")
    assert (first.code, again.code) == (0, 0)
    assert json.loads(again.out)["trace_sha256"] == json.loads(first.out)["trace_sha256"]
    files = kafkasim.files()
    assert files["runs/mine/manifest.json"] == files["runs/mine-again/manifest.json"]


@pytest.mark.parametrize(
    ("expect", "told"),
    [
        ("lost = 1", "0 lost, expected 1"),
        ("acknowledged = [1, 119]", "120 acknowledged, expected 1 to 119"),
        ("acknowledged = [1, 120]", None),
        ("undelivered = 0\nlost = 0\nconverged = true\ninvariants = true\nanomalies = []\nfailures = 0", None),
    ],
)
def test_expectations_decide_the_exit_code(kafkasim: Kafkasim, expect: str, told: str | None) -> None:
    kafkasim.write("mine.toml", f"{CLUSTER}{SHOP}\n[expect]\n{expect}")
    outcome = kafkasim("run", "mine.toml")
    assert outcome.code == int(told is not None)
    assert outcome.err == ("" if told is None else f"kafkasim: not as expected: {told}\n")


def test_what_was_lost_is_told_with_the_first_record(kafkasim: Kafkasim) -> None:
    cut = '[[faults]]\nkind = "network-partition"\nside = ["broker-2", "broker-3"]\nother = ["broker-1"]\nat = "1s"\n'
    crash = '[[faults]]\nkind = "broker-crash"\nbroker = 1\nat = "3s"\nlasts = "12s"\n'
    kafkasim.write("mine.toml", f"{CLUSTER}{SHOP}{cut}lasts = '3s'\n{crash}[expect]\nlost = 0\nconverged = true")
    outcome = kafkasim("run", "mine.toml", "--json")
    unmet = json.loads(outcome.out)["unmet"]
    assert outcome.code == 1
    assert " lost, expected 0; the first is number " in unmet[0]
    assert "acknowledged by broker 1" in unmet[0]
    assert len(unmet) == 1


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        (
            "missing.toml",
            None,
            "missing.toml: No such file or directory; kafkasim new NAME writes a file to begin with",
        ),
        ("..toml", "", "'.': a scenario's name has letters"),
        ("mine.toml", b"\xff\xfe", "mine.toml: is no text in UTF-8"),
        ("mine.toml", "#" * 100_001, "mine.toml: has 100,001 bytes; a scenario file has 100,000 at most"),
        ("mine.toml", "[[topics]]\nnam = 3", "mine.toml: [[topics]] number 1: unknown key 'nam', did you mean 'name'?"),
        ("mine.toml", CLUSTER + "replication_factor = 9", "mine.toml: is no TOML: Cannot overwrite a value"),
        (
            "mine.toml",
            CLUSTER + '[[faults]]\nkind = "broker-crash"\nbroker = 9\nat = "1s"',
            "fault 'broker 9 crashes at 1 s, for good': there is no broker 9",
        ),
        (
            "mine.toml",
            CLUSTER + '[[faults]]\nkind = "broker-crash"\nbroker = 1\nat = "10m"',
            "begins after the end of the run",
        ),
    ],
)
def test_bad_files_are_refused_in_one_line(
    kafkasim: Kafkasim, name: str, content: str | bytes | None, told: str
) -> None:
    if content is not None:
        kafkasim.write(name, content)
    before = kafkasim.files()
    outcome = kafkasim("run", name)
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)
    assert told in outcome.err
    assert kafkasim.files() == before


def test_the_story_of_a_file(kafkasim: Kafkasim) -> None:
    kafkasim("new", "first")
    outcome = kafkasim("info", "first.toml")
    assert outcome.code == 0
    assert outcome.out.startswith("first: A shop, its till and their readers, through the crash of a broker.\n")
    assert "Fault: broker 1 crashes at 8 s, until 18 s" in outcome.out
    assert "Fly it: kafkasim run first.toml\n" in outcome.out
