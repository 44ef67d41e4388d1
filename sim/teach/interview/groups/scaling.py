"""More members: who is idle, and when a backlog goes sooner."""

from collections.abc import Mapping

from sim.machine.clock import SECOND
from sim.run import Run
from sim.teach.interview.groups.parts import experiment, flown, member, source
from sim.teach.interview.question import Experiment, Picture, Proof, Question, Runs, WrongAnswer
from sim.view.tenures import owned_twice, tenures
from sim.world.plan import Plan
from sim.world.settings import Knob, Settings
from sim.world.workload import Constant

__all__ = ["QUESTIONS"]

PARTITIONS, SIZES = 12, (4, 6, 8, 11, 12, 16)


def _idle(runs: Runs) -> Proof:
    found, partitions = runs["pods"].results, runs["pods"].settings["partitions"]
    before, after = found["jobs_per_s"]["before"], found["jobs_per_s"]["after"]
    return Proof(
        found["idle"] == found["workers"] - partitions and abs(after - before) < 0.1 * before,
        found["idle"],
        "idle consumers",
        f"Of {found['workers']} consumers on {partitions} partitions {found['idle']} are idle; {before:.0f} jobs/s "
        f"before they came, {after:.0f} afterwards.",
        {"idle": found["idle"], "workers": found["workers"], "partitions": partitions}
        | {"before": before, "after": after},
    )


def _no_faster(runs: Runs) -> tuple[bool, str]:
    rates, lag = runs["pods"].results["jobs_per_s"], runs["pods"].metrics.series("records-lag", group="workers")[1]
    return rates["after"] < 1.1 * rates["before"] and lag[-1] > lag[len(lag) // 2], (
        f"They took {rates['before']:.0f} jobs a second before and {rates['after']:.0f} with the others, and the lag "
        f"grew on, from {lag[len(lag) // 2]:,.0f} to {lag[-1]:,.0f} records."
    )


def _never_shared(runs: Runs) -> tuple[bool, str]:
    found = [tenure for tenure in tenures(runs["pods"]) if tenure.end_s > tenure.begin_s]
    names = dict.fromkeys(tenure.partition for tenure in found)
    shared = sum(bool(owned_twice(tenure for tenure in found if tenure.partition == name)) for name in names)
    return shared == 0, (
        f"{shared} of {len(names)} partitions ever had two owners at once, though {runs['pods'].results['idle']} "
        "members of the group had nothing to do."
    )


def _drain(settings: Settings) -> Plan:
    each_per_s, rate_per_s, end_s = settings["each_per_s"], settings["rate_per_s"], settings["end_s"]
    done: dict[int, list[tuple[int, int]]] = {size: [] for size in SIZES}
    workers = {
        f"with-{size}.{number}": member(f"with-{size}", "jobs", 1000 / each_per_s, done=done[size])
        for size in SIZES
        for number in range(1, size + 1)
    }
    jobs = source("jobs", Constant(rate_per_s), end_s, PARTITIONS, settings["backlog"])
    groups = {f"with-{size}": "jobs" for size in SIZES}

    def results() -> Mapping[str, object]:
        return {"drained_s": {size: _drained_s(settings, times) for size, times in done.items()}}

    return flown(end_s, {"jobs": PARTITIONS}, {"to-jobs": jobs, **workers}, groups, results=results, drain_s=0)


def _drained_s(settings: Settings, done: list[tuple[int, int]]) -> float:
    """How long after its first record a group had at most one waiting in each partition, in seconds."""
    waiting = dict.fromkeys(range(PARTITIONS), settings["backlog"] / PARTITIONS)
    for time, partition in done:
        waiting[partition] -= 1
        if max(waiting.values()) + settings["rate_per_s"] / PARTITIONS * time / SECOND <= 1:
            return (time - done[0][0]) / SECOND
    return float(settings["end_s"])


DRAIN = experiment(
    "groups-of-several-sizes",
    "Groups of several sizes work off the same backlog of twelve partitions.",
    _drain,
    each_per_s=Knob(4.0, "what one member does each second", 0.1, 1000),
    rate_per_s=Knob(12, "records that come each second", 1, 1000),
    backlog=Knob(96, "records that wait at the start", 0, 100_000),
    end_s=Knob(60, "when the flight ends, in seconds", 10, 1000),
)


def _drained(run: Run) -> dict[int, float]:
    return dict(run.results["drained_s"])


def _steps(runs: Runs) -> Proof:
    took = _drained(runs["sizes"])
    knee = min(size for size, seconds in took.items() if seconds < 1.1 * took[max(SIZES)])
    told = ", ".join(f"{size} members {seconds:.1f} s" for size, seconds in took.items())
    return Proof(
        knee == PARTITIONS and abs(took[6] - took[11]) < 0.1 * took[6] and took[4] > 2 * took[6] > 4 * took[12],
        knee,
        "consumers",
        f"Until the backlog is gone: {told}.",
        {f"with_{size}": seconds for size, seconds in took.items()} | {"partitions": PARTITIONS, "knee": knee},
    )


def _eleven_of_twelve(runs: Runs) -> tuple[bool, str]:
    took = _drained(runs["sizes"])
    return took[11] > 2 * took[12], (
        f"With 11 members one still has two of the {PARTITIONS} partitions: it takes {took[11]:.1f} s, like 6 members "
        f"({took[6]:.1f} s), and not {took[12]:.1f} s like 12."
    )


def _not_each(runs: Runs) -> tuple[bool, str]:
    took = _drained(runs["sizes"])
    return took[8] > 0.9 * took[6] and took[16] > 0.9 * took[12], (
        f"8 members took {took[8]:.1f} s, as 6 did ({took[6]:.1f} s), and 16 took {took[16]:.1f} s, as 12 did "
        f"({took[12]:.1f} s)."
    )


QUESTIONS = (
    Question(
        number=41,
        topic="groups",
        level="junior",
        asks="What happens if a group has more consumers than the topic has partitions?",
        predict="A group of 8 on 8 partitions is too slow, and 22 more consumers join it. How many consumers are idle?",
        flights={"pods": Experiment("more-consumers-fix-lag")},
        prove=_idle,
        answer="""
            Within a group a partition belongs to one consumer at a time, so consumers beyond the number of partitions
            get none and idle. In the run {workers} consumers shared {partitions} partitions: {idle} had nothing to do,
            and the group did {after:.0f} jobs a second, as with the first {partitions}, {before:.0f}. An idle one is a
            hot standby, no more: it takes over when another one dies. And it costs heartbeats and makes rebalances
            larger. Who needs more parallel work takes more partitions, which moves keys; or works on a partition's
            records in a pool, keeping order by key; or, where order does not matter, uses a share group, whose members
            may share a partition.
        """,
        follow_up="So an autoscaler on lag is a bad idea?",
        follow_up_answer="""
            It needs a ceiling: the number of partitions, {partitions} here. Beyond it every new pod is one of the
            {idle} idle ones, and each that comes or goes makes the group rebalance, which costs throughput just when it
            is short.
        """,
        wrong=(
            WrongAnswer("More pods will drain the lag.", _no_faster),
            WrongAnswer("Two members of a group can share a busy partition.", _never_shared),
        ),
        picture=Picture("pods", "lag", lambda runs: _idle(runs).says.rstrip(".")),
    ),
    Question(
        number=42,
        topic="groups",
        level="senior",
        asks="The group lags. When does scaling out help, and by how much?",
        predict=f"A backlog on {PARTITIONS} partitions. Which is the smallest group as fast as one of {max(SIZES)}?",
        flights={"sizes": Experiment(DRAIN)},
        prove=_steps,
        answer="""
            Look at the busiest member, as whole partitions are dealt out: with {partitions} partitions and n members it
            has {partitions} / n, rounded up. So the gain comes in steps. In the run 4 members needed {with_4:.1f} s for
            the backlog, 6 needed {with_6:.1f}, 8 and 11 needed {with_8:.1f} and {with_11:.1f}, 12 needed {with_12:.1f},
            and 16 were no faster at all: {with_16:.1f}. So go to a divisor of the number of partitions, and no further
            than {knee}. First make sure that consumers are what is slow: a hot key, a poison record or a database at
            its limit is not helped by more of them, and every member that joins rebalances the group.
        """,
        follow_up="And if the lag is on one partition only?",
        follow_up_answer="""
            Then more members change nothing, as one reads that partition whatever the size of the group: 11 members
            were no faster than 6 here, {with_11:.1f} s, as the busiest had as much. Find the hot key or the record that
            blocks.
        """,
        wrong=(
            WrongAnswer("Eleven members are nearly as fast as twelve.", _eleven_of_twelve),
            WrongAnswer("Every further member makes it faster.", _not_each),
        ),
        picture=Picture(
            x="members of the group",
            y="seconds until the backlog is gone",
            curves=lambda runs: {
                f"{PARTITIONS} partitions": [(size, seconds) for size, seconds in _drained(runs["sizes"]).items()]
            },
            title=lambda runs: (
                f"{PARTITIONS} partitions: the backlog goes in steps, and no sooner with more than "
                f"{_steps(runs).number:.0f} members"
            ),
        ),
    ),
)
