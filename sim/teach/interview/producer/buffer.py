"""A producer's memory, and what happens when it is full."""

from sim.actors.client.app import App, Behaviour
from sim.actors.client.client_errors import SendTimeoutError
from sim.machine.clock import MILLISECOND, SECOND
from sim.rules.config import ProducerConfig
from sim.run import Run
from sim.scenario import Scenario
from sim.teach.interview.question import Experiment, Picture, Proof, Question, Runs, WrongAnswer
from sim.teach.interview.workloads import Steps
from sim.world.cluster import ClusterSpec
from sim.world.faults import CloggedLink
from sim.world.plan import AppSpec, Plan
from sim.world.settings import Knob, Settings
from sim.world.topics import Topic

__all__ = ["QUESTIONS"]

RECORD_BYTES, RATE, SLOW_AT_S, LOAD_S = 1000, 200, 2, 16
MIB = 1 << 20
Points = list[tuple[float, float]]


def _meter(buffer_bytes: int, notes: dict[str, Points]) -> Behaviour:
    """Sends steadily, and notes how much memory is free (MiB), how long send() takes (ms), and what is refused."""

    def run(app: App) -> Steps:
        producer = app.producer(buffer_memory=buffer_bytes)
        yield from producer.partitions_for("events")
        for number in range(RATE * LOAD_S):
            yield from app.arrive(number * SECOND // RATE)
            called = app.now
            try:
                yield from producer.send("events", bytes(RECORD_BYTES))
            except SendTimeoutError:
                notes["refused"].append((app.now / SECOND, 1.0))
            notes["free"].append((app.now / SECOND, producer.free_bytes / MIB))
            notes["waited"].append((called / SECOND, (app.now - called) / MILLISECOND))
        yield from producer.close()

    return run


def _make(settings: Settings) -> Plan:
    """From a moment on the line to the broker carries half of what the producer sends."""
    notes: dict[str, Points] = {"free": [], "waited": [], "refused": []}
    slow = RATE * RECORD_BYTES / 2
    return Plan(
        duration=None,
        cluster=ClusterSpec(brokers=1, racks=1, group_topics=False),
        topics=(Topic("events"),),
        apps=(AppSpec("meter", _meter(settings["buffer_bytes"], notes), "meter", finite=True),),
        faults=(CloggedLink(side=("meter",), other=("broker-1",), one_way=True, at=f"{SLOW_AT_S}s", bytes_per_s=slow),),
        stages=(("meter", "events"),),
        wrap_up=lambda complete: notes if complete else {},
    )


BUFFER = Scenario(
    name="a-full-buffer",
    summary="Half of what a producer sends gets through, from a moment on.",
    story="",
    make=_make,
    knobs={"buffer_bytes": Knob(MIB, "buffer.memory of the producer", 1, 1 << 40)},
)


def _blocked_after_s(run: Run) -> float:
    """How long after the line became slow send() had to wait for the first time."""
    waited: Points = run.results["waited"]
    return next(at_s for at_s, waited_ms in waited if waited_ms > 1) - SLOW_AT_S


def _formula_s(run: Run) -> float:
    """Memory over the difference of what comes and what goes."""
    seconds: float = run.settings["buffer_bytes"] / (RATE * RECORD_BYTES / 2)
    return seconds


def _time_to_block(runs: Runs) -> Proof:
    full, half = runs["1 MiB"], runs["0.5 MiB"]
    blocked_s, half_s = _blocked_after_s(full), _blocked_after_s(half)
    default = ProducerConfig()
    refused = len(runs["impatient"].results["refused"])
    return Proof(
        all(abs(_blocked_after_s(run) / _formula_s(run) - 1) < 0.1 for run in (full, half)) and refused > 0,
        round(blocked_s, 1),
        "s",
        f"send() waited for the first time {blocked_s:.1f} s after the line had become slow; memory over the "
        f"difference of the rates says {_formula_s(full):.1f} s. With half the memory it was {half_s:.1f} s.",
        {
            "memory_mib": default.buffer_memory / MIB,
            "max_block_s": default.max_block_ms / 1000,
            "in_kb": RATE * RECORD_BYTES / 1000,
            "out_kb": RATE * RECORD_BYTES / 2000,
            "mib": full.settings["buffer_bytes"] / MIB,
            "blocked_s": blocked_s,
            "formula_s": _formula_s(full),
            "half_s": half_s,
            "longest_ms": max(waited for _, waited in full.results["waited"]),
            "refused": refused,
            "short_ms": runs["impatient"].given["max.block.ms"],
        },
    )


def _send_does_wait(runs: Runs) -> tuple[bool, str]:
    waited = [ms for _, ms in runs["1 MiB"].results["waited"] if ms > 1]
    return len(waited) > 10, f"{len(waited)} calls of send() waited for memory, up to {max(waited):.0f} ms each."


def _memory_buys_time(runs: Runs) -> tuple[bool, str]:
    half_s, full_s = _blocked_after_s(runs["0.5 MiB"]), _blocked_after_s(runs["1 MiB"])
    return half_s < full_s < 2.5 * half_s, (
        f"Twice the memory: send() waited after {full_s:.1f} s in place of {half_s:.1f} s. It buys time, no more."
    )


QUESTIONS = (
    Question(
        number=19,
        topic="producer",
        level="senior",
        asks="What happens when a producer sends faster than the broker takes?",
        predict="A producer with 1 MiB of buffer.memory sends 200 kB a second, and from now on 100 kB a second get "
        "through. After how many seconds does send() block?",
        flights={
            "1 MiB": Experiment(BUFFER),
            "0.5 MiB": Experiment(BUFFER, {"buffer_bytes": MIB // 2}),
            "impatient": Experiment(BUFFER, {"buffer_bytes": MIB // 2, "max.block.ms": 100}),
        },
        prove=_time_to_block,
        answer="""
            Records wait in the producer's buffer, buffer.memory, {memory_mib:g} MiB by default. When it is full, send()
            blocks until a batch is done and its memory free again, for at most max.block.ms, {max_block_s:g} s by
            default; then it fails with a TimeoutException. So the time to block is the memory over the difference of
            the rates. In the run {in_kb:g} kB came a second and {out_kb:g} kB got through; with {mib:g} MiB send()
            blocked after {blocked_s:.1f} s, the formula says {formula_s:.1f} s. From then on the application runs at
            the speed of the broker: that is backpressure, and it is what you want, if the thread that calls send() may
            wait. Watch buffer-available-bytes, which falls long before, and bufferpool-wait-time. And records that wait
            there are lost if the process dies.
        """,
        follow_up="Your request threads must not block. What do you do?",
        follow_up_answer="""
            Lower max.block.ms and handle the exception: shed load, or spill to disk. With {short_ms} ms and half the
            memory {refused} records were refused in the run. Or put a bounded queue of your own before the producer.
            More memory only moves the moment: {half_s:.1f} s or {blocked_s:.1f} s.
        """,
        wrong=(
            WrongAnswer("send() is asynchronous, so it never blocks.", _send_does_wait),
            WrongAnswer("Then give it more buffer.memory.", _memory_buys_time),
        ),
        picture=Picture(
            x="seconds",
            y="buffer-available-bytes, MiB",
            curves=lambda runs: {
                f"buffer.memory of {name}": _now_and_then(runs[name]) for name in ("1 MiB", "0.5 MiB")
            },
            title=lambda runs: (
                f"send() blocks after {_blocked_after_s(runs['1 MiB']):.1f} s; memory / (rate - drain) says "
                f"{_formula_s(runs['1 MiB']):.1f} s"
            ),
        ),
    ),
)


def _now_and_then(run: Run) -> Points:
    """The free memory before the first call, and at every twentieth."""
    free: Points = run.results["free"]
    return [(0.0, run.settings["buffer_bytes"] / MIB), *free[::20]]
