"""What seeds draw: always the same, each something else, and nothing that cannot be flown."""

from collections import Counter
from dataclasses import replace

from sim.fuzz.drawing import draw_script
from sim.fuzz.swarm import Subject
from sim.fuzz.trouble import DRAWS
from sim.machine.clock import parse_duration
from sim.world import faults
from sim.world.faults import check_schedule
from sim.world.flight import Flight
from sim.world.script import plan_of, read_script, write_script

SEEDS = range(150)


def test_a_seed_draws_the_same_again_and_another_one_something_else() -> None:
    assert draw_script(5) == draw_script(5)
    assert len({write_script(draw_script(seed)) for seed in SEEDS}) == len(SEEDS)


def test_what_is_drawn_can_be_written_read_and_begun() -> None:
    for seed in range(20):
        script = draw_script(seed)
        assert read_script(write_script(script), "drawn") == script
        assert Flight(plan_of(script), seed).cluster.brokers


def test_every_fault_is_over_when_the_load_is() -> None:
    for seed in SEEDS:
        script = draw_script(seed)
        end = parse_duration(script.duration)
        check_schedule(script.faults, end)
        restarts = [fault for fault in script.faults if isinstance(fault, faults.DiskFull) and fault.directory]
        latest = end + 500_000_000 * bool(restarts)
        endless = (faults.RollingRestart, faults.PoisonRecord)
        assert all(isinstance(each, endless) or (each.ends or latest + 1) <= latest for each in script.faults)


def test_seeds_cover_every_kind_of_fault_and_client_and_leave_most_out_each() -> None:
    scripts = [draw_script(seed) for seed in SEEDS]
    kinds = Counter(type(fault) for script in scripts for fault in script.faults)
    assert len(kinds) >= len(DRAWS) + 4, "disks and controllers have several kinds each"
    assert max(len({type(fault) for fault in script.faults}) for script in scripts) <= 6
    for table in ("producers", "consumers", "pipelines", "share_groups"):
        having = sum(bool(getattr(script, table)) for script in scripts)
        assert having > 15, table
    protocols = Counter(str(part.config.get("group.protocol")) for script in scripts for part in script.consumers)
    assert min(protocols["consumer"], protocols["None"]) > 20
    weak = sum("acks" in part.config for script in scripts for part in script.producers)
    assert 0 < weak < 60


def test_a_disk_that_is_not_the_first_comes_back_with_a_restart() -> None:
    found = [
        (script, fault)
        for script in map(draw_script, SEEDS)
        for fault in script.faults
        if isinstance(fault, faults.DiskFull) and fault.directory
    ]
    assert found
    for script, fault in found:
        restart = faults.BrokerCrash(broker=fault.broker, at=f"{fault.ends}ns", lasts="500ms")
        assert restart in script.faults


def test_faults_alone_are_drawn_for_a_script_of_somebody_else() -> None:
    mine = replace(draw_script(3), description="mine", seed=0)
    drawn = Subject(mine).script(9)
    assert drawn.faults != mine.faults
    assert replace(drawn, faults=mine.faults, seed=0) == mine
    assert Subject(mine).script(9) == drawn
