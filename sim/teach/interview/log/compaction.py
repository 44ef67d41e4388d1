"""Compaction: a log that is a table."""

from sim.machine.clock import SECOND
from sim.rules.config import TopicConfig
from sim.rules.facts.storage import LogCleaned
from sim.rules.topics import TopicPartition
from sim.run import Run
from sim.teach.interview.question import Experiment, Picture, Proof, Question, Runs, WrongAnswer

__all__ = ["QUESTIONS"]

FEWER = {"arrivals": "poisson:20"}


def _latest_values(runs: Runs) -> Proof:
    run = runs["table"]
    found, rounds = run.results, [fact for _, fact in run.facts if isinstance(fact, LogCleaned)]
    percent = 100 * found["customers_right"] / found["customers"]
    return Proof(
        percent == 100 and found["deleted_still_there"] == 0 and found["read"] < found["written"] / 2,
        percent,
        "% of the keys",
        f"After {len(rounds)} rounds of the cleaner {found['read']:,} of {found['written']:,} records are left, and "
        f"{found['customers_right']} of {found['customers']} keys have their latest value.",
        {
            "written": found["written"],
            "left": found["read"],
            "keys": found["customers"],
            "right": found["customers_right"],
            "again": found["deleted_still_there"],
            "tombstone_h": TopicConfig().delete_retention_ms / 3_600_000,
            "dirty": TopicConfig().min_cleanable_dirty_ratio,
        },
    )


def _more_than_one_a_key(runs: Runs) -> tuple[bool, str]:
    found = runs["table"].results
    return found["read"] > found["customers"], (
        f"A newcomer read {found['read']:,} records of {found['customers']:,} keys: the active segment is never "
        "compacted, nor is what the cleaner has not come to yet."
    )


def _offsets_stay(runs: Runs) -> tuple[bool, str]:
    log = runs["table"].flight.cluster.log(TopicPartition("addresses", 0))
    left = runs["table"].results["read"]
    return log.log_end_offset > left, (
        f"The next offset is {log.log_end_offset:,}, though {left:,} records are left: offsets keep their gaps."
    )


def _cleaned_sizes(run: Run) -> list[tuple[float, float]]:
    """The size of the compacted log before and after each round, in kB over seconds."""
    rounds = [(round(time / SECOND, 1), fact) for time, fact in run.facts if isinstance(fact, LogCleaned)]
    sizes = [((at_s, fact.before_bytes / 1000), (at_s, fact.after_bytes / 1000)) for at_s, fact in rounds]
    return [(0.0, 0.0), *(point for pair in sizes for point in pair)]


QUESTIONS = (
    Question(
        number=10,
        topic="log",
        level="junior",
        asks="What does log compaction do, and what does it guarantee?",
        predict="A topic with an address for each customer is compacted for two minutes. What percentage of the "
        "customers still has the latest address in the log?",
        flights={"table": Experiment("compaction-as-a-table", FEWER)},
        prove=_latest_values,
        answer="""
            With cleanup.policy=compact Kafka keeps at least the latest value of every key, in place of the last days. A
            cleaner thread takes logs whose share of dirty bytes is above min.cleanable.dirty.ratio, {dirty} by default,
            and rewrites their closed segments without the records that have a later one of the same key. Order and
            offsets stay, with gaps. A null value is a tombstone: it deletes the key, and goes itself after
            delete.retention.ms, {tombstone_h:g} hours by default. In the run {written:,} records were written and
            {left:,} are left; {right} of {keys} customers have their latest address, and {again} that were deleted came
            back. So a compacted topic is a table one can rebuild: changelogs, __consumer_offsets and configurations
            work like this.
        """,
        follow_up="Can a consumer rely on seeing one record for each key?",
        follow_up_answer="""
            No. The active segment is never compacted, and the cleaner comes when there is enough dirt: here {left:,}
            records stand for {keys} keys. A consumer must let the later record win. One that is slower than
            delete.retention.ms may miss a tombstone.
        """,
        wrong=(
            WrongAnswer("A compacted topic has exactly one record for each key.", _more_than_one_a_key),
            WrongAnswer("Compaction renumbers the records that are left.", _offsets_stay),
        ),
        picture=Picture(
            x="seconds",
            y="size of the log at each round of the cleaner, kB",
            curves=lambda runs: {"before and after each round": _cleaned_sizes(runs["table"])},
            title=lambda runs: str(runs["table"].results["finding"]),
        ),
    ),
)
