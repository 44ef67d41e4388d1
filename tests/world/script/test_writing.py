"""What is written reads back as the same script."""

import tomllib
from importlib.resources import files

from hypothesis import given
from hypothesis import strategies as st

from sim.world.arrivals import Constant, Poisson, Replay, Workload
from sim.world.faults import BrokerHang, CloggedLink, Fault, PowerFailure, RollingRestart
from sim.world.keys import Keys, NoKeys, RoundRobinKeys, SingleKey, UniformKeys, ZipfKeys
from sim.world.script import Script, read_script, write_script
from sim.world.script.script import Commit, ConsumerPart, Expect, ProducerPart, Transaction
from sim.world.topics import Topic
from sim.world.varying import Bursts, DailyCurve

CONFIGS = st.dictionaries(st.sampled_from(["acks", "linger.ms"]), st.sampled_from(["all", "1"]), max_size=0) | st.just(
    {"acks": "all", "linger.ms": 5}
)
ARRIVALS: st.SearchStrategy[Workload] = st.sampled_from(
    [Poisson(3.5), Constant(20), Bursts(1, 20, "10s", "2s"), DailyCurve(50, 2.5), Replay((0, 5, 1_000_000_000))]
)
KEYS: st.SearchStrategy[Keys] = st.sampled_from(
    [NoKeys(), UniformKeys(5), ZipfKeys(9, 1.25), SingleKey(b"card-7"), RoundRobinKeys(3)]
)
FAULTS: st.SearchStrategy[Fault] = st.sampled_from(
    [
        BrokerHang(broker=1, at="2s", lasts="1500ms"),
        RollingRestart(at="0s", brokers=(1, 2), down_for="2s"),
        PowerFailure(at="1s", rack="rack-2"),
        CloggedLink(at="1s", side=("broker-1",), other=("clients", "controller"), bytes_per_s=1e4, one_way=True),
    ]
)
PRODUCERS = st.builds(
    ProducerPart,
    name=st.sampled_from(["shop", "till"]),
    topics=st.just(("orders",)),
    arrivals=ARRIVALS,
    keys=KEYS,
    record_bytes=st.integers(1, 1000),
    transaction=st.none() | st.builds(Transaction, records=st.integers(1, 9), abort_share=st.floats(0, 1)),
    config=CONFIGS,
)
COMMITS: st.SearchStrategy[Commit] = st.sampled_from(["auto", "sync-after", "sync-before"])
SCRIPTS = st.builds(
    Script,
    description=st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "Zs")), max_size=20),
    story=st.sampled_from(["", "two\nlines with \"quotes\" and '''ticks''' \\ "]),
    topics=st.just((Topic("orders", 3, 1, {"cleanup.policy": ("compact", "delete"), "retention.ms": -1}),)),
    producers=st.lists(PRODUCERS, max_size=2, unique_by=lambda part: part.name).map(tuple),
    consumers=st.lists(
        st.builds(
            ConsumerPart, group=st.just("g"), topics=st.just(("orders",)), handler_ms=st.floats(0, 9), commit=COMMITS
        ),
        max_size=1,
    ).map(tuple),
    faults=st.lists(FAULTS, max_size=3).map(tuple),
    expect=st.builds(
        Expect,
        lost=st.none() | st.integers(0, 9) | st.just((1, 5)),
        anomalies=st.sampled_from([None, (), ("duplicate", "lost-write")]),
        invariants=st.booleans(),
    ),
)


@given(SCRIPTS)
def test_what_is_written_reads_back_as_the_same(script: Script) -> None:
    assert read_script(write_script(script), "written") == script


def test_what_is_as_by_default_is_not_written() -> None:
    script = Script(topics=(Topic("orders"),), faults=(BrokerHang(broker=1, at="2s"),), expect=Expect(lost=0))
    assert tomllib.loads(write_script(script)) == {
        "topics": [{"name": "orders"}],
        "faults": [{"kind": "broker-hang", "broker": 1, "at": "2s"}],
        "expect": {"lost": 0},
    }


def test_the_example_is_written_and_read_back() -> None:
    text = files("sim.world.script").joinpath("example.toml").read_text(encoding="utf-8")
    script = read_script(text, "example")
    assert read_script(write_script(script), "again") == script
