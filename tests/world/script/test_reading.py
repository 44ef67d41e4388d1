"""A scenario file is read to the value that it says, and what is wrong with it is told in one line."""

import pytest

from sim.machine.machine_file import write_machine
from sim.rules.errors import ConfigError
from sim.world.arrivals import Constant, Poisson
from sim.world.faults import BrokerCrash, NetworkPartition
from sim.world.keys import NoKeys, ZipfKeys
from sim.world.script import Script, read_script
from sim.world.script.plan import plan_of
from sim.world.script.script import Expect, Transaction
from sim.world.topics import Topic
from tests.world.script.files import CLUSTER, script

TOPIC = '[[topics]]\nname = "orders"\n'


def test_a_cluster_may_be_of_a_machine_that_was_fitted() -> None:
    machine = write_machine({"profile": "i3en.2xlarge", "link_latency": 2e6, "client": {"record_cost": 6000.5}})
    table = machine.replace("[client]", "[cluster.hardware.client]")
    found = plan_of(script(f'[cluster.hardware]\nspace = "5TB"\n{table}')).cluster
    assert (found.hardware.link_latency, found.client_hardware.record_cost) == (2_000_000, 6000.5)
    assert found.log_dirs == 2
    with pytest.raises(ConfigError, match=r"^test.toml: \[cluster\], hardware: unknown .*'link_latency'\?$"):
        script("[cluster.hardware]\nlink_latenci = 5\n")


def test_every_table_becomes_its_value() -> None:
    found = script(
        """
        [[producers]]
        name = "shop"
        topics = "orders"
        arrivals = "constant:20"
        keys = "zipf:10,1.5"
        transaction = { records = 5, abort_share = 1 }
        config = { linger.ms = 5, "acks" = "all" }
        [[consumers]]
        group = "audit"
        topics = ["orders", "bills"]
        [[faults]]
        kind = "broker-crash"
        broker = 2
        at = "1s"
        [[faults]]
        kind = "network-partition"
        side = ["broker-1"]
        one_way = true
        at = "2s"
        lasts = "500ms"
        [expect]
        lost = 0
        undelivered = [1, 5]
        anomalies = []
        """
    )
    assert found.duration == "6s"
    assert found.topics[0] == Topic("orders", 2, 3, {"min.insync.replicas": 2})
    shop, audit = found.producers[0], found.consumers[0]
    assert (shop.arrivals, shop.keys) == (Constant(20.0), ZipfKeys(10, 1.5))
    assert shop.transaction == Transaction(records=5, abort_share=1.0)
    assert (shop.topics, shop.config) == (("orders",), {"linger.ms": 5, "acks": "all"})
    assert (audit.topics, audit.members, audit.commit) == (("orders", "bills"), 1, "auto")
    partition = NetworkPartition(side=("broker-1",), one_way=True, at="2s", lasts="500ms")
    assert found.faults == (BrokerCrash(broker=2, at="1s"), partition)
    assert found.expect == Expect(lost=0, undelivered=(1, 5), anomalies=())


def test_what_is_left_out_is_as_by_default() -> None:
    found = read_script(TOPIC + '[[producers]]\nname = "shop"\ntopics = "orders"\n', "test.toml")
    assert (found.producers[0].arrivals, found.producers[0].keys) == (Poisson(60.0), NoKeys())
    assert found.expect == Expect()
    assert found.cluster == Script().cluster


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a = [", "is no TOML: Invalid value (at end of document)"),
        ("a = " + "[" * 5000, "nested too deeply"),
        ("x" * 100_001, "has 100,001 characters; a scenario file has 100,000 at most"),
        ('storry = "x"', "unknown key 'storry', did you mean 'story'?"),
        (
            '[[topics]]\nname = "a"\npartition = 3',
            "[[topics]] number 1: unknown key 'partition', did you mean 'partitio",
        ),
        ("[[topics]]\npartitions = 3", "[[topics]] number 1: has no name; it needs name"),
        ('[[topics]]\nname = "a"\npartitions = "3"', "[[topics]] number 1: partitions = '3' is not a whole number"),
        ('[[topics]]\nname = "a"\npartitions = true', "[[topics]] number 1: partitions = true is not a whole number"),
        ('[topics]\nname = "a"', "topics = {'name': 'a'}; write [[topics]]"),
        ("cluster = 3", "cluster = 3 is no table; write [cluster]"),
        ("[cluster]\nbroker = 3", "[cluster]: unknown key 'broker', did you mean 'brokers'?"),
        ("[cluster]\nbrokers = 51", "[cluster]: brokers = 51 does not lie between 1 and 50"),
        ('[cluster.config]\n"min.insync.replica" = 1', "[cluster], config: unknown broker configuration key 'min.insy"),
        ("[cluster]\nconfig = { a = [1] }", "[cluster], config: a = [1] is no text, number, true, false or list of te"),
        (TOPIC + TOPIC, "two topics have the name 'orders'"),
        (TOPIC + "config = { acks = 1 }", "[[topics]] number 1, config: unknown topic configuration key 'acks'"),
        ('[[topics]]\nname = "a"\npartitions = 1001', "[[topics]] number 1: partitions = 1001 does not lie between 1"),
        ('duration = "5"', "duration: '5' is not a duration; write it like 20ms, 45s, 5m or 1h30m"),
        ('duration = "25h"', "duration = '25h' must be more than nothing and at most 24h"),
        ('[[faults]]\nat = "5s"', "[[faults]] number 1: has no kind; there are broker-crash, "),
        ('[[faults]]\nkind = "broker-crush"\nat = "5s"', "kind = 'broker-crush', did you mean 'broker-crash'?"),
        (
            '[[faults]]\nkind = "broker-crash"\nat = "5s"\nbrokr = 1',
            "number 1: unknown key 'brokr', did you mean 'brok",
        ),
        ('[[faults]]\nkind = "broker-crash"\nat = "5"\nbroker = 1', "[[faults]] number 1: at: '5' is not a duration"),
        (
            '[[faults]]\nkind = "clock-skew"\nat = "5s"\napp = "a"\nby = "x"',
            "[[faults]] number 1: by: 'x' is not a dur",
        ),
        ("[expect]\nlost = [1]", "[expect]: lost = [1]; write one number, or the least and the most: lost = [1, 5]"),
        ("[expect]\nlost = '0'", "[expect]: lost = '0' is not a whole number"),
        ("[expect]\ntopics = 'a'", "[expect]: topics: there is no topic 'a'; there are none"),
    ],
)
def test_what_is_wrong_is_told_with_its_table_and_the_nearest_key(text: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_script(text, "my.toml")
    assert str(caught.value).startswith("my.toml: ")
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("tables", "told"),
    [
        (
            '[[producers]]\nname = "a"\ntopics = "order"',
            "producers]] number 1: topics: there is no topic 'order'; did you",
        ),
        ('[[producers]]\nname = "a"\ntopics = []', "[[producers]] number 1: topics names none"),
        ('[[consumers]]\ngroup = "a"\ntopics = []', "[[consumers]] number 1: topics names none"),
        ('[[share_groups]]\ngroup = ""\ntopics = "orders"', "[[share_groups]] number 1: group is empty"),
        (
            '[[producers]]\nname = "a"\ntopics = "orders"\nconfig = { "transactional.id" = "x" }',
            "number 1, config: transactional.id is for transactions: write transaction = { records = 10 }, or",
        ),
        (
            '[[pipelines]]\nname = "a"\nsource = "orders"\ntarget = "bills"\nexactly_once = false\n'
            'producer = { "transactional.id" = "x" }',
            "number 1, producer: transactional.id is for transactions: write exactly_once = true, or leave it out",
        ),
        ('[[producers]]\nname = "broker-1"\ntopics = "orders"', "cannot have the name 'broker-1'"),
        (
            '[[producers]]\nname = "a"\ntopics = "orders"\narrivals = "often"',
            "number 1: arrivals: workload 'often': write",
        ),
        (
            '[[producers]]\nname = "a"\ntopics = "orders"\nkeys = "some"',
            "number 1: keys: keys 'some': write them like un",
        ),
        (
            '[[producers]]\nname = "a"\ntopics = "orders"\nkeys = "zipf:x"',
            "keys 'zipf:x': write them like zipf:100,1.0",
        ),
        (
            '[[producers]]\nname = "a"\ntopics = "orders"\narrivals = "constant:2e6"',
            "2,000,000 records per second; 1,00",
        ),
        (
            '[[producers]]\nname = "a"\ntopics = "orders"\narrivals = "constant:9e5"\ncopies = 50',
            "45,000,000 records per",
        ),
        (
            '[[producers]]\nname = "a"\ntopics = "orders"\nconfig = { ack = 1 }',
            "[[producers]] number 1, config: unknown pro",
        ),
        (
            '[[producers]]\nname = "a"\ntopics = "orders"\ntransaction = 5',
            "transaction = 5 is no table; write transaction",
        ),
        (
            '[[consumers]]\ngroup = "a"\ntopics = "orders"\ncommit = "syn"',
            "number 1: commit = 'syn'; there are auto, sync-",
        ),
        ('[[consumers]]\ngroup = "a"\ntopics = "orders"\nmembers = 2\n' * 2, "two applications have the name 'a-1'"),
        (
            '[[consumers]]\ngroup = "a"\ntopics = "orders"\nmembers = 101',
            "members = 101 does not lie between 1 and 100",
        ),
        (
            '[[pipelines]]\nname = "a"\nsource = "orders"\ntarget = "bill"',
            "number 1: target: there is no topic 'bill'; did",
        ),
        ('[[faults]]\nkind = "poison-record"\ntopic = "orders"\nat = "1s"\nlasts = 5', "lasts = 5 is not text"),
    ],
)
def test_what_does_not_fit_the_rest_of_the_file(tables: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        script(tables, CLUSTER)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_names_no_code_and_no_path() -> None:
    """All that a table can say is text, numbers and truth; nothing of it is imported, opened or called."""
    tables = '[[producers]]\nname = "a"\ntopics = "orders"\nconfig = { "interceptor.classes" = "os.system" }'
    with pytest.raises(ConfigError, match="unknown producer configuration key"):
        script(tables)
