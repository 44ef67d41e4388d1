"""Tables of a stream job: joins that need equal partitions, and state that has to be restored."""

from sim.run import Run
from sim.teach.interview.question import Experiment, Picture, Proof, Question, Runs, WrongAnswer

__all__ = ["QUESTIONS"]

ORDERS = {"duration": "8s"}
JOINS = {f"workers-{count}": Experiment("repartition-join", {**ORDERS, "workers": count}) for count in (1, 2, 3)}
MENDED = {
    f"mended-{count}": Experiment("repartition-join", {**ORDERS, "workers": count, "repartition": True})
    for count in (2, 3)
}
PAYMENTS = {"duration": "15s"}
RESTORES = {f"cards-{count}": Experiment("state-restore", {**PAYMENTS, "cards": count}) for count in (500, 2000)}


def _missed(runs: Runs) -> Proof:
    found, mended = runs["workers-2"].results, runs["mended-2"].results
    partitions = tuple(runs["workers-2"].settings[f"{topic}_partitions"] for topic in ("orders", "customers"))
    share = _share_missed(runs["workers-2"])
    return Proof(
        found["missed"] == found["missed_by_the_keys"] > 0 == mended["missed"] and runs["workers-2"].verdict.ok,
        share,
        "% of the orders",
        f"With two workers {found['missed']} of {found['orders']} orders miss their customer; "
        f"repartitioned, {mended['missed']} do.",
        {
            "orders": found["orders"],
            "missed": found["missed"],
            "share": share,
            "mended": mended["missed"],
            "apart": found["customers_apart"],
            "customers": found["customers"],
            "order_partitions": partitions[0],
            "customer_partitions": partitions[1],
        },
    )


def _share_missed(run: Run) -> float:
    """In percent of the orders."""
    return 100 * float(run.results["missed"]) / float(run.results["orders"])


def _same_key(runs: Runs) -> tuple[bool, str]:
    run = runs["workers-2"]
    found, partitions = run.results, [str(run.settings[f"{topic}_partitions"]) for topic in ("orders", "customers")]
    return found["customers_apart"] > 0, (
        f"A key's partition is its hash modulo the partitions of each topic, {' and '.join(partitions)} here: of "
        f"{found['customers']} customers {found['customers_apart']} are with another worker than their orders."
    )


def _it_worked_in_the_test(runs: Runs) -> tuple[bool, str]:
    missed = {count: runs[f"workers-{count}"].results["missed"] for count in (1, 2, 3)}
    return missed[1] == 0 < missed[2] < missed[3], (
        f"With one worker, which has all partitions, {missed[1]} orders miss their customer; with two {missed[2]}, "
        f"with three {missed[3]}."
    )


def _outage(runs: Runs) -> Proof:
    found, standby = runs["cards-2000"].results, runs["standby"].results
    records, restore_s, outage_s = found["restored_records"]["worker-2"], found["restore_s"], found["outage_s"]
    per_record_ms = runs["cards-2000"].settings["restore_ms"]
    return Proof(
        restore_s >= records * per_record_ms / 1000 > 10 * standby["restore_s"],
        outage_s,
        "s without counting",
        f"After the crash nothing is counted for {outage_s:.1f} s, {restore_s:.1f} s of it to restore {records:,} "
        f"records; with a standby it is {standby['outage_s']:.1f} s in all.",
        {
            "outage_s": outage_s,
            "restore_s": restore_s,
            "records": records,
            "written": found["archived_records"] + found["payments"],
            "cards": found["cards"],
            "per_record_ms": per_record_ms,
            "standby_s": standby["outage_s"],
            "standby_restore_ms": 1000 * standby["restore_s"],
            "rest_s": outage_s - restore_s,
        },
    )


def _rebalance_is_all(runs: Runs) -> tuple[bool, str]:
    outages = {count: runs[f"cards-{count}"].results["outage_s"] for count in (500, 2000)}
    return outages[2000] > outages[500] + 1, (
        f"With 500 cards of state nothing was counted for {outages[500]:.1f} s, with 2,000 for {outages[2000]:.1f} s, "
        "in the same group after the same crash."
    )


def _standby_is_instant(runs: Runs) -> tuple[bool, str]:
    found = runs["standby"].results
    return found["outage_s"] > 10 * found["restore_s"], (
        f"The standby restored in {found['restore_s'] * 1000:.1f} ms, and still nothing was counted for "
        f"{found['outage_s']:.1f} s: the group waits for the session time-out of the dead worker."
    )


QUESTIONS = (
    Question(
        number=60,
        topic="streams",
        level="senior",
        asks="Two topics have the same keys. What can go wrong when you join them?",
        predict="""
            Orders have six partitions, customers four, and two workers share both topics. For what percentage of the
            orders does a worker not find the customer, though the customer is in Kafka?
        """,
        flights={**JOINS, **MENDED},
        prove=_missed,
        answer="""
            A join is local: a worker keeps the customers of its partitions and looks up there. That finds a match only
            when both topics are co-partitioned: equally many partitions, the same partitioner, the same key. In the run
            orders have {order_partitions} partitions and customers {customer_partitions}; {apart} of {customers}
            customers are with another worker than their orders, and {missed} of {orders} orders miss their customer,
            {share:.0f} per cent. Nothing fails and no lag grows. Kafka Streams refuses such a join when it starts.
            Repartition one side through a topic with as many partitions: then {mended} are missed. That costs another
            topic and another hop; a small table can be given to every worker instead, as a GlobalKTable.
        """,
        follow_up="And when one key has most of the orders?",
        follow_up_answer="""
            Co-partitioning sends all of a key to one worker, so a hot key makes a hot worker, and more workers do not
            help. Give the small side to all of them and spread the large one, or salt the key: copy the customer to
            each salted key. Here the load is even, and {missed} misses came from the partitions alone.
        """,
        wrong=(
            WrongAnswer("The keys are equal, so records with equal keys meet.", _same_key),
            WrongAnswer("It joined everything in the test, so it will in production.", _it_worked_in_the_test),
        ),
        picture=Picture(
            x="workers",
            y="orders that miss their customer (%)",
            curves=lambda runs: {
                name: [(runs[flight].settings["workers"], _share_missed(runs[flight])) for flight in flights]
                for name, flights in (("six and four partitions", JOINS), ("repartitioned", MENDED))
            },
            title=lambda runs: _missed(runs).says,
        ),
    ),
    Question(
        number=61,
        topic="streams",
        level="senior",
        asks="A worker with state dies. How long until its partner goes on, and how do you shorten it?",
        predict="""
            The changelog has some 4,500 records after compaction, and each takes 1 ms to restore. The session time-out
            is 6 s. For how many seconds is nothing counted?
        """,
        flights={**RESTORES, "standby": Experiment("state-restore", {**PAYMENTS, "standby": True})},
        prove=_outage,
        answer="""
            Two waits, one after the other. First the group has to notice: the session time-out of the dead worker, and
            the rebalance. Then its partner reads the changelog of the state from the beginning, before it may process a
            single record. In the run {records:,} records at {per_record_ms:g} ms each take {restore_s:.1f} of
            {outage_s:.1f} seconds without any result. Restoring time is records in the changelog over the rate of
            restoring, so state of many gigabytes means hours. Compaction helps: {written:,} records were written for
            {cards:,} cards. A standby helps most: it reads the changelog all the time, restores in
            {standby_restore_ms:.1f} ms, and the outage is {standby_s:.1f}. Otherwise keep the state on a persistent
            volume, with static membership.
        """,
        follow_up="What does a standby cost?",
        follow_up_answer="""
            Disk and memory for the state once more, and the changelog read twice. And it shortens only the restore: the
            remaining {standby_s:.1f} s are the time to notice, which a shorter session time-out or a clean shutdown
            cuts.
        """,
        wrong=(
            WrongAnswer("The rebalance is all there is to wait for.", _rebalance_is_all),
            WrongAnswer("With a standby the failover is instant.", _standby_is_instant),
        ),
        picture=Picture(
            x="records restored",
            y="seconds",
            curves=lambda runs: {
                name: sorted(
                    (runs[flight].results["restored_records"]["worker-2"], runs[flight].results[key])
                    for flight in ("standby", *RESTORES)
                )
                for name, key in (("without counting", "outage_s"), ("restoring", "restore_s"))
            },
            title=lambda runs: _outage(runs).says,
        ),
    ),
)
