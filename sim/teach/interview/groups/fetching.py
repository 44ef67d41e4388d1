"""What a consumer asks for and where it begins: fetch.min.bytes, fetch.max.wait.ms, auto.offset.reset."""

from sim.actors.client.app import App, Behaviour
from sim.actors.client.client_errors import NoOffsetForPartitionError
from sim.actors.consumer.consumer_records import ConsumerRecord
from sim.machine.clock import SECOND
from sim.rules.config import BrokerConfig, ConsumerConfig
from sim.rules.topics import TopicPartition
from sim.run import Run
from sim.teach.interview.groups.parts import Steps, experiment, flown, source
from sim.teach.interview.question import Experiment, Picture, Proof, Question, Runs, WrongAnswer
from sim.world.plan import Plan
from sim.world.settings import Knob, Settings
from sim.world.workload import Constant, Poisson

__all__ = ["QUESTIONS"]

SIZES_BYTES = (1, 1_000, 4_000, 1_000_000)
FIRST = TopicPartition("clicks", 0)
POLICIES, REFUSED = ("earliest", "latest", "none"), -1
VISITS_S, DELETED_S, END_S, READ, LOG_START = (5, 12, 20), 17, 28, 40, 180


def _reader(min_bytes: int) -> Behaviour:
    """Reads the one partition, and asks for at least so many bytes."""

    def run(app: App) -> Steps:
        consumer = app.consumer(f"from-{min_bytes}", auto_offset_reset="earliest", fetch_min_bytes=min_bytes)
        consumer.assign([FIRST])
        while True:
            yield from consumer.poll(1000)

    return run


def _fetching(settings: Settings) -> Plan:
    apps = {f"from-{size}.1": _reader(size) for size in SIZES_BYTES}
    clicks = source("clicks", Poisson(settings["rate_per_s"]), settings["end_s"], 1)
    groups = {f"from-{size}": "clicks" for size in SIZES_BYTES}
    return flown(settings["end_s"], {"clicks": 1}, {"to-clicks": clicks, **apps}, groups, drain_s=0)


FETCHING = experiment(
    "several-fetch-sizes",
    "Consumers of the same partition wait for different amounts of data.",
    _fetching,
    rate_per_s=Knob(100, "clicks that come each second", 1, 10_000),
    end_s=Knob(15, "how long clicks come, in seconds", 1, 1000),
)


def _visitor(group_id: str, policy: str, found: dict[str, list[int]]) -> Behaviour:
    """Comes three times, reads what one poll returns, commits it and goes; notes the first offset, -1 if refused."""

    def run(app: App) -> Steps:
        for visit_s in VISITS_S:
            yield app.until(visit_s * SECOND)
            consumer = app.consumer(group_id, ["clicks"], auto_offset_reset=policy, max_poll_records=READ)
            try:
                records: list[ConsumerRecord] = []
                while not records:
                    records = yield from consumer.poll(200)
                found[policy].append(records[0].offset)
                yield from consumer.commit()
            except NoOffsetForPartitionError:
                found[policy].append(REFUSED)
            yield from consumer.close()

    return run


def _cleaner(app: App) -> Steps:
    """Deletes the oldest records, as retention does."""
    yield app.until(DELETED_S * SECOND)
    yield from app.admin().delete_records({FIRST: LOG_START})


def _starting(settings: Settings) -> Plan:
    found: dict[str, list[int]] = {policy: [] for policy in POLICIES}
    visitors = {f"{policy}.1": _visitor(policy, policy, found) for policy in POLICIES}
    clicks = source("clicks", Constant(settings["rate_per_s"]), END_S, 1, settings["backlog"])
    apps = {"to-clicks": clicks, "cleaner": _cleaner, **visitors}
    return flown(
        END_S, {"clicks": 1}, apps, dict.fromkeys(POLICIES, "clicks"), drain_s=0, results=lambda: {"first": found}
    )


STARTING = experiment(
    "where-groups-begin",
    "Groups with three policies come, come again, and come when what they had not read is deleted.",
    _starting,
    rate_per_s=Knob(5, "clicks that come each second", 1, 1000),
    backlog=Knob(100, "clicks that are there at the start", 1, 10_000),
)


def _requests_per_s(run: Run, size_bytes: int) -> float:
    sent = sum(it.kind == "FetchConsumer" and it.client == f"from-{size_bytes}.1" for it in run.recorded().requests)
    return float(sent / run.simulated_s)


def _latency_ms(run: Run, size_bytes: int) -> float:
    """The median from send to poll, in milliseconds."""
    found = run.metrics.summary()["end-to-end-latency-ms"]
    return float(found[f"from-{size_bytes}/clicks"]["p50"])


def _waiting(runs: Runs) -> Proof:
    run, config = runs["sizes"], ConsumerConfig()
    per_s = {size: _requests_per_s(run, size) for size in SIZES_BYTES}
    waits_ms = {size: _latency_ms(run, size) for size in SIZES_BYTES}
    least, most = min(SIZES_BYTES), max(SIZES_BYTES)
    wait_ms = config.fetch_max_wait_ms
    return Proof(
        sorted(per_s.values(), reverse=True) == list(per_s.values())
        and sorted(waits_ms.values()) == list(waits_ms.values())
        and abs(per_s[most] - 1000 / wait_ms) < 0.2,
        per_s[most],
        "fetch requests per second",
        f"fetch.min.bytes {least:,}: {per_s[least]:.0f} requests/s, median latency {waits_ms[least]:.0f} ms; "
        f"{most:,}: {per_s[most]:.1f} requests/s, {waits_ms[most]:.0f} ms.",
        {"default": config.fetch_min_bytes, "wait_ms": wait_ms, "middle": SIZES_BYTES[1]}
        | {"many": per_s[least], "soon_ms": waits_ms[least], "few": per_s[most], "late_ms": waits_ms[most]}
        | {"some": per_s[SIZES_BYTES[1]], "some_ms": waits_ms[SIZES_BYTES[1]]}
        | {"rate": run.settings["rate_per_s"], "each": run.settings["rate_per_s"] / per_s[least]},
    )


def _not_a_delay_of_its_own(runs: Runs) -> tuple[bool, str]:
    soon_ms, wait_ms = _latency_ms(runs["sizes"], min(SIZES_BYTES)), ConsumerConfig().fetch_max_wait_ms
    return soon_ms < wait_ms / 10, (
        f"With fetch.min.bytes {min(SIZES_BYTES)} records were there after {soon_ms:.0f} ms: a fetch that waits is "
        f"answered as soon as there is enough, and {wait_ms} ms is only how long it waits at most."
    )


def _not_for_ever(runs: Runs) -> tuple[bool, str]:
    run, most = runs["sizes"], max(SIZES_BYTES)
    delivered = sum(run.metrics.series("MessagesOutPerSec", group=f"from-{most}")[1])
    return delivered > 0, (
        f"{most:,} bytes never came together, and {delivered:,.0f} records were delivered all the same, in "
        f"{_requests_per_s(run, most):.1f} answers a second."
    )


def _begins(runs: Runs) -> Proof:
    first = runs["groups"].results["first"]
    (new, again, expired), latest = first["earliest"], first["latest"]
    return Proof(
        (new, expired) == (0, LOG_START)
        and again == READ
        and latest[0] > runs["groups"].settings["backlog"]
        and latest[2] > LOG_START
        and first["none"][0] == REFUSED,
        latest[0],
        "records that a new group never reads",
        f"A new group begins at {new} with earliest and at {latest[0]} with latest; with a committed offset it goes on "
        f"at {again}, whatever the policy.",
        {
            "default": ConsumerConfig().auto_offset_reset,
            "skipped": latest[0],
            "again": again,
            "days": BrokerConfig().offsets_retention_minutes / (24 * 60),
        }
        | {
            "expired": expired,
            "expired_latest": latest[2],
            "unread": expired - 2 * READ,
            "there": latest[2] - LOG_START,
        },
    )


def _not_at_each_start(runs: Runs) -> tuple[bool, str]:
    first = runs["groups"].results["first"]["earliest"]
    return first[1] == READ, (
        f"The second time the group with earliest began at {first[1]}, where it had committed, and not at {first[0]}."
    )


def _not_only_the_gone(runs: Runs) -> tuple[bool, str]:
    back = runs["groups"].results["first"]["latest"][2]
    return back > LOG_START, (
        f"When its offset was no longer in the log, the group with latest went on at {back}, though records from "
        f"{LOG_START} on were still there: {back - LOG_START} it skipped without need, and without an error."
    )


QUESTIONS = (
    Question(
        number=49,
        topic="groups",
        level="junior",
        asks="What do fetch.min.bytes and fetch.max.wait.ms do?",
        predict="fetch.min.bytes is more than ever comes together. How many fetch requests a second remain?",
        flights={"sizes": Experiment(FETCHING, recorded=True)},
        prove=_waiting,
        answer="""
            A consumer's fetch waits at the broker until there are fetch.min.bytes, or fetch.max.wait.ms is over,
            whichever comes first. The default is {default} byte and {wait_ms} ms: it is answered as soon as there is
            anything, and asks again. At {rate} records a second that was {many:.0f} requests a second and a median
            latency of {soon_ms:.0f} ms. With {middle:,} bytes there were {some:.0f} requests and {some_ms:.0f} ms; with
            more than ever came, {few:.1f} requests, as the wait always ended first, and {late_ms:.0f} ms. So it trades
            latency for requests, that is for processor time at broker and client. Raise it if many consumers read thin
            topics and some delay does no harm. It is the mirror of the producer's linger.ms and batch.size.
        """,
        follow_up="And max.poll.records: does it make fetches smaller?",
        follow_up_answer="""
            No, it only slices what has been fetched already. The size of an answer is bounded by
            max.partition.fetch.bytes and fetch.max.bytes; an answer held {each:.1f} records here anyway.
        """,
        wrong=(
            WrongAnswer("fetch.max.wait.ms delays every record by half a second.", _not_a_delay_of_its_own),
            WrongAnswer("With a large fetch.min.bytes a quiet topic is never read.", _not_for_ever),
        ),
        picture=Picture(
            x="fetch requests per second",
            y="median latency (ms)",
            curves=lambda runs: {
                "fetch.min.bytes from large to small": [
                    (_requests_per_s(runs["sizes"], size), _latency_ms(runs["sizes"], size))
                    for size in reversed(SIZES_BYTES)
                ]
            },
            title=lambda runs: _waiting(runs).says.rstrip("."),
        ),
    ),
    Question(
        number=50,
        topic="groups",
        level="junior",
        asks="What does auto.offset.reset do, and when?",
        predict="A new group with the default starts when 100 records and more are there. How many does it never read?",
        flights={"groups": Experiment(STARTING)},
        prove=_begins,
        answer="""
            It decides where to begin if there is no valid committed offset, and only then: for a new group, or if the
            offset is out of range as retention has overtaken it. The default is {default}: a new group began at the end
            and never read the {skipped} records that were there; with earliest it began at the start of the log. With a
            committed offset it went on there, at {again}, whatever the policy. When what the group had not read was
            deleted, earliest went on at {expired}, the new start, and {unread} records were gone; latest went on at
            {expired_latest} and skipped {there} more that were still there. Neither raises an error. The policy none
            does: use it where a silent jump is worse than a stop.
        """,
        follow_up="A group was idle for a week and now begins anew. Why?",
        follow_up_answer="""
            Its committed offsets were deleted: offsets.retention.minutes, {days:g} days after the group became empty.
            Then it is a new group again, and the policy decides: with the default it skips all, {skipped} records here.
        """,
        wrong=(
            WrongAnswer("With earliest a consumer reads everything again whenever it starts.", _not_at_each_start),
            WrongAnswer("Out of range costs only what retention has deleted.", _not_only_the_gone),
        ),
        picture=Picture(
            x="visit of the group: the first, the next, and after records were deleted",
            y="first offset that is read",
            curves=lambda runs: {
                policy: [(float(visit), float(offset)) for visit, offset in enumerate(first, start=1)]
                for policy, first in runs["groups"].results["first"].items()
                if REFUSED not in first
            },
            title=lambda runs: _begins(runs).says.rstrip("."),
        ),
    ),
)
