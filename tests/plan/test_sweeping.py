"""A sweep: its table, common chance, early ends, and that it is the same however it is flown."""

from pathlib import Path
from typing import Any

import pytest

import scenarios
from sim.plan import differences, summary, sweep
from sim.plan.findings import finding
from sim.plan.statistics import interval
from sim.rules.errors import ConfigError
from tests.plan.tiny import FORMULA

HEIGHT = "results/height"
NOISY: dict[str, Any] = {"set": {"noise": 1.0}, "measure": HEIGHT}


def test_a_row_for_each_run_and_a_column_for_each_figure() -> None:
    table = sweep(FORMULA, {"strong": [0, 1], "lasts": "5s,6s"}, reps=2, seed=7)
    assert list(table.columns[:5]) == ["configuration", "replicate", "seed", "strong", "lasts"]
    assert table["configuration"].tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert table["seed"].tolist() == [7, 8] * 4
    assert table["lasts"].tolist() == ["5s", "5s", "6s", "6s"] * 2
    assert table[HEIGHT].tolist() == [1.0] * 4 + [5.0] * 4
    assert not [name for name in table.columns if "words" in name or "none" in name]
    assert (table.attrs["knobs"], table.attrs["measure"]) == (["strong", "lasts"], "records_produced")


def test_intervals_and_differences_of_pairs() -> None:
    table = sweep(FORMULA, {"strong": [0, 1]}, reps=6, **NOISY)
    means = summary(table, HEIGHT)
    own = interval(table[table["strong"] == 0][HEIGHT])
    assert means[["mean", "half_width", "n"]].iloc[0].tolist() == [own.mean, own.half_width, 6]
    assert means["half_width"].min() > 0.1
    apart = differences(table).iloc[0]
    assert apart["mean"] == pytest.approx(4.0)
    assert apart["half_width"] == pytest.approx(0.0, abs=1e-9)
    assert finding(table).startswith(f"{HEIGHT} is least with strong=0: ")
    assert finding(table).endswith("the same seeds differ by 4 ± 0")


def test_every_configuration_meets_the_same_arrivals() -> None:
    table = sweep(scenarios.find("hello-topic"), {"linger.ms": [0, 100]}, reps=3, until="6s")
    batched = table.groupby("linger.ms")["records_produced"].apply(list)
    assert batched[0] == pytest.approx(batched[100], rel=0.05)
    assert len(set(batched[0])) == 3
    assert table.attrs["measure"] == "steady/end-to-end-latency-ms/readers/greetings/p99"
    latency = summary(table, "steady/produce-latency-ms/greetings/p99")["mean"]
    assert latency[1] - latency[0] == pytest.approx(100, rel=0.1)


def test_two_processes_find_the_same_rows(tmp_path: Path) -> None:
    scenario, finished = scenarios.find("hello-topic"), []
    vary, given = {"partitions": "1..2"}, {"reps": 6, "until": "4s", "precision": 0.01}
    alone = sweep(scenario, vary, measure="records_produced", **given)  # type: ignore[arg-type]
    both = sweep(scenario, vary, measure="records_produced", jobs=2, out=tmp_path / "s.duckdb",
                 progress=lambda count, total: finished.append((count, total)), **given)  # type: ignore[arg-type]  # fmt: skip
    assert both.equals(alone)
    assert finished[-1] == (12, 12)
    assert [count for count, _ in finished] == sorted(count for count, _ in finished)


def test_a_configuration_ends_once_its_interval_is_narrow_enough() -> None:
    table = sweep(FORMULA, {"strong": [0, 10]}, reps=40, precision=0.05, **NOISY)
    counts = table.groupby("strong").size()
    assert counts[10] == 5
    assert counts[0] == 40
    found = summary(table, HEIGHT)
    assert found["half_width"][1] <= 0.05 * found["mean"][1]


def test_more_runs_in_the_file_do_not_change_where_a_sweep_ends(tmp_path: Path) -> None:
    out = tmp_path / "sweep.duckdb"
    sweep(FORMULA, {"strong": [5, 10]}, reps=9, out=out, **NOISY)
    narrow = sweep(FORMULA, {"strong": [5, 10]}, reps=9, precision=0.1, out=out, **NOISY)
    assert (len(narrow), narrow.attrs["flown"]) == (10, 0)
    assert narrow.equals(sweep(FORMULA, {"strong": [5, 10]}, reps=9, precision=0.1, **NOISY))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"reps": 0}, "--reps 0: between 1 and"),
        ({"precision": 5.0}, "a share of the mean"),
        ({"precision": 0.05, "reps": 5}, "5 are flown before the first look"),
        ({"jobs": 0}, "--jobs 0"),
        ({"jobs": 2, "dask": "tcp://127.0.0.1:1"}, "leave --jobs out"),
        ({"dask": "tcp://127.0.0.1:1"}, "no scheduler answers there"),
        ({"dask": "somewhere"}, "no scheduler answers there"),
        ({"measure": "heigth"}, "did you mean"),
        ({"measure": "records"}, "is several measures here"),
        ({"set": {"weak": 11}}, "weak=11: must lie between 0 and 10"),
        ({"vary": {"strong": "9..11"}}, "with strong=11: strong=11: must lie between 0 and 10"),
    ],
    ids=str,
)
def test_what_cannot_be_swept(given: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        sweep(FORMULA, **{"vary": {"strong": [1, 2]}, "reps": 1, **given})


def test_a_package_that_is_missing_is_named_with_the_command_that_gets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sim.plan.extras.find_spec", lambda name: None if name == "SALib" else True)
    with pytest.raises(ConfigError, match=r"SALib not installed: pip install -e '\.\[analysis\]'"):
        sweep(FORMULA, {"strong": [1, 2]})
