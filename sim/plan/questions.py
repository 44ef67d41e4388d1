"""What planners ask, the command that answers it, and the test that holds the answer to be right."""

from typing import NamedTuple

__all__ = ["QUESTIONS", "Question"]

OWN = "tests/plan/test_questions.py"
CLAIMS = "tests/scenarios/test_claims_of"


class Question(NamedTuple):
    """A question, a command, and where it is tested: a file, and a function if it is one of many in there."""

    number: int
    asks: str
    command: str
    test: str


QUESTIONS = (
    Question(
        1,
        "How many brokers for so many MB/s, replicas, groups and headroom, and which resource breaks first?",
        "kafkasim plan --write 200MB/s --replication 3 --groups 3 --headroom 30%",
        f"{OWN}::test_the_binding_resource_flips_with_groups",
    ),
    Question(
        2,
        "How many partitions (t/p, t/c, growth)?",
        "kafkasim plan --partition-rate 10MB/s --consumer-rate 20MB/s --growth 2x",
        f"{OWN}::test_partitions_grow_with_what_consumers_cannot_take",
    ),
    Question(
        3,
        "How many consumers, and why does adding one not help?",
        "kafkasim run more-consumers-fix-lag",
        f"{CLAIMS}_misconceptions.py",
    ),
    Question(
        4,
        "How long to drain a backlog after an outage, and does retention delete it first?",
        "kafkasim plan --outage 10m --retention 7d",
        f"{OWN}::test_a_group_that_was_away_catches_up",
    ),
    Question(
        5,
        "What happens when one broker dies: seconds, errors, loss?",
        "kafkasim plan --survive broker",
        f"{OWN}::test_a_lost_broker_costs_its_session_and_no_record",
    ),
    Question(
        6,
        "How long is a rebalance on deploy: eager, cooperative, static, KIP-848?",
        "kafkasim run rebalance-protocols",
        "tests/scenarios/test_rebalance_protocols.py",
    ),
    Question(
        7,
        "acks=1 or all: what does it cost, and what does it lose?",
        "kafkasim run silent-loss",
        f"{CLAIMS}_incidents.py",
    ),
    Question(
        8,
        "What do batch.size and linger.ms buy at my rate?",
        "kafkasim run batching-frontier",
        f"{CLAIMS}_scaling.py",
    ),
    Question(
        9,
        "What is the p99 as load grows?",
        "kafkasim plan --p99 50ms --json",
        f"{OWN}::test_latency_grows_with_load",
    ),
    Question(
        10,
        "A hot key: what skew can I stand, and what does salting buy?",
        "kafkasim run hot-key",
        f"{CLAIMS}_incidents.py",
    ),
    Question(
        11,
        "A rolling restart: how long until a broker is in sync again?",
        "kafkasim plan --down 30s",
        f"{OWN}::test_a_broker_that_returns_is_in_sync_again",
    ),
    Question(
        12,
        "Disk and page cache: when do readers that lag hit the disk?",
        "kafkasim plan --outage 2h",
        f"{OWN}::test_a_reader_beyond_the_page_cache_has_only_what_writing_leaves",
    ),
    Question(
        13,
        "Adding a broker: how long does it copy its share?",
        "kafkasim plan --retention 7d",
        f"{OWN}::test_a_new_broker_copies_longer_the_longer_records_are_kept",
    ),
    Question(
        14,
        "A slow consumer: when does max.poll.interval.ms put it out?",
        "kafkasim run slow-poll-evicts",
        f"{CLAIMS}_misconceptions.py",
    ),
    Question(
        15,
        "Is the lag alert real, or noise of a rebalance?",
        "kafkasim alerts catch-up",
        "tests/alerts/test_alerts.py",
    ),
)
