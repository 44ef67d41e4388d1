"""What the clients of a scenario file do, also when their brokers and their own processes fail."""

from collections import Counter

import pytest

from sim.observe.exactly_once import broken_promises
from sim.observe.witness import Witness
from sim.rules.facts.client import TransactionEnded
from sim.rules.facts.journal import OffsetsCommitted, RecordsAcknowledged, RecordsDelivered
from sim.rules.topics import TopicPartition
from sim.world.flight import Flight
from sim.world.plan import GroupSpec
from sim.world.script import Script, plan_of
from tests.world.script.files import CLUSTER, flown, script

SHOP = """
[[producers]]
name = "shop"
topics = ["orders", "bills"]
arrivals = "constant:50"
keys = "uniform:20"
record_bytes = 40
"""
AUDIT = """
[[consumers]]
group = "audit"
topics = ["orders", "bills"]
config = { "session.timeout.ms" = 6000 }
"""
PIPE = """
[[producers]]
name = "shop"
topics = "orders"
arrivals = "constant:50"
[[pipelines]]
name = "billing"
source = "orders"
target = "bills"
members = 2
consumer = { "session.timeout.ms" = 6000 }
"""
GROUP = GroupSpec("billing", ("orders",), "bills")
CRASHES = """
[[faults]]
kind = "broker-crash"
broker = 1
at = "2s"
lasts = "3s"
[[faults]]
kind = "app-crash"
app = "billing-1"
at = "1500ms"
lasts = "1s"
"""


def heard(of: Script, kind: type, seed: int = 1) -> tuple[Flight, list[tuple[int, object]]]:
    """A flight that is over, and what was announced of one kind."""
    flight, facts = Flight(plan_of(of), seed), []
    flight.machine.facts.listen(kind, lambda time, fact: facts.append((time, fact)))
    for _ in flight.fly():
        pass
    return flight, facts


def test_producers_send_to_their_topics_in_turn_and_end() -> None:
    flight, facts = heard(script(SHOP + AUDIT), RecordsAcknowledged)
    counts: Counter[str] = Counter()
    for _, fact in facts:
        counts[fact.partition.topic] += fact.columns.count
        assert all(len(value) == 40 for value in fact.columns.values)
        assert set(fact.columns.keys) <= {b"key-%d" % number for number in range(20)}
    assert counts == {"orders": 150, "bills": 150}
    assert flight.cluster.apps["shop"].finished


def test_copies_have_loads_of_their_own() -> None:
    _, facts = heard(script(SHOP + "copies = 2" + AUDIT), RecordsAcknowledged)
    counts: Counter[str] = Counter()
    for _, fact in facts:
        counts[fact.client_id] += fact.columns.count
    assert counts == {"shop-1-producer-1": 300, "shop-2-producer-1": 300}


def test_a_producer_that_is_started_again_goes_on_with_the_present() -> None:
    crash = '[[faults]]\nkind = "app-crash"\napp = "shop"\nat = "2s"\nlasts = "2s"'
    _, facts = heard(script(SHOP + AUDIT + crash), RecordsAcknowledged)
    times = sorted(time for _, fact in facts for time in fact.columns.sent_at)
    assert 195 <= len(times) <= 200
    assert [time for time in times if 2e9 < time < 4e9] == []


def test_traffic_and_keys_heed_the_faults_of_the_load() -> None:
    faults = """
    [[faults]]
    kind = "traffic-burst"
    app = "shop"
    factor = 3.0
    at = "1s"
    lasts = "1s"
    [[faults]]
    kind = "key-skew"
    app = "shop"
    share = 1.0
    key = "hot"
    at = "1s"
    lasts = "1s"
    """
    _, facts = heard(script(SHOP + AUDIT + faults), RecordsAcknowledged)
    sent = [pair for _, fact in facts for pair in zip(fact.columns.sent_at, fact.columns.keys, strict=True)]
    assert len([time for time, _ in sent if 1e9 <= time < 2e9]) == 150
    assert {key for time, key in sent if 1e9 < time < 2e9} == {b"hot"}
    assert b"hot" not in {key for time, key in sent if time > 2e9}


def test_a_share_of_the_transactions_is_aborted() -> None:
    producer = SHOP + "transaction = { records = 10, abort_share = 0.3 }"
    _, facts = heard(script(producer + AUDIT), TransactionEnded)
    outcomes = Counter(fact.committed for _, fact in facts)
    assert outcomes.total() == 30
    assert 3 <= outcomes[False] <= 15


def test_a_fenced_producer_makes_a_new_one() -> None:
    zombie = '[[faults]]\nkind = "zombie-producer"\napp = "shop"\nat = "2s"\nlasts = "1s"'
    flight = flown(script(SHOP + "transaction = { records = 10 }" + AUDIT + zombie))
    apps = flight.cluster.apps
    assert [(app.failure, app.finished) for name, app in apps.items() if "shop" in name] == [(None, True)] * 2
    assert len(apps["shop"].producers) > 1


@pytest.mark.parametrize("commit", ["auto", "sync-after", "sync-before"])
def test_offsets_are_committed_before_or_after_the_work(commit: str) -> None:
    tables = SHOP + AUDIT + f'handler_ms = 40\ncommit = "{commit}"'
    flight, committed = heard(script(tables.replace("constant:50", "constant:10")), OffsetsCommitted)
    assert flight.is_drained()
    _, delivered = heard(script(tables.replace("constant:50", "constant:10")), RecordsDelivered)
    first = {"auto": 4.5e9, "sync-after": 0.04e9, "sync-before": 0}[commit]
    waited = committed[0][0] - delivered[0][0]
    assert first <= waited < first + 1e9


def test_poison_is_skipped_or_kills() -> None:
    poison = '[[faults]]\nkind = "poison-record"\ntopic = "orders"\nat = "3s"'
    skipped = flown(script(SHOP + AUDIT + poison))
    assert (skipped.cluster.apps["audit"].failure, skipped.is_drained()) == (None, True)
    dead = flown(script(SHOP + AUDIT.replace("config", 'poison = "raise"\nconfig') + poison, 'drain = "1s"' + CLUSTER))
    assert str(dead.cluster.apps["audit"].failure).startswith("UnreadableRecordError: audit cannot read orders-0@")


@pytest.mark.parametrize("exactly_once", [True, False])
def test_pipelines_through_crashes(exactly_once: bool) -> None:
    flag = "exactly_once = true" if exactly_once else "exactly_once = false"
    of = script(PIPE.replace("constant:50", "constant:150") + "handler_ms = 15\n" + flag + CRASHES)
    flight = Flight(plan_of(of), 1)
    witness = Witness(flight)
    for _ in flight.fly():
        pass
    twice, missing = broken_promises(flight, GROUP)
    assert witness.verdict().ok
    assert flight.is_drained()
    assert (bool(twice), missing) == (not exactly_once, [])


def test_a_pipeline_that_skips_or_repeats_is_found() -> None:
    of = script(PIPE)
    flight = flown(of)
    assert broken_promises(flight, GROUP) == ([], [])
    log = flight.cluster.log(TopicPartition("bills", 0))
    batches = list(log.batches())
    first = next(batch for batch in batches if not batch.is_control)
    place = first.columns.values[0]
    first.columns.values = [first.columns.values[-1], *first.columns.values[1:]]
    twice, missing = broken_promises(flight, GROUP)
    lost = place.decode().removeprefix("billing:")
    assert [f"{name}@{offset}" for name, offset in missing] == [lost]
    assert len(twice) == (first.columns.count > 1)


def test_a_share_group_settles_every_record_and_rejects_poison() -> None:
    tables = '[[share_groups]]\ngroup = "audit"\ntopics = ["orders", "bills"]\nmembers = 2\nrelease_share = 0.2\n'
    poison = '[[faults]]\nkind = "poison-record"\ntopic = "orders"\nat = "3s"'
    of = script(SHOP + tables + poison)
    flight = Flight(plan_of(of), 1)
    witness = Witness(flight)
    for _ in flight.fly():
        pass
    verdict = witness.verdict()
    assert flight.is_drained()
    assert verdict.given_up["audit"] >= 1
    assert 40 < verdict.redelivered["audit"] < 120
    assert verdict.ok


def test_static_members_keep_their_partitions_through_a_restart() -> None:
    crash = '[[faults]]\nkind = "app-crash"\napp = "audit-1"\nat = "4s"\nlasts = "1s"'
    tables = SHOP.replace("constant:50", "constant:20") + AUDIT + "members = 2\nstatic = true\n" + crash
    flight = flown(script(tables))
    assert flight.is_drained()
    assert flight.cluster.apps["audit-2"].consumers[0].config.group_instance_id == "audit-2"
