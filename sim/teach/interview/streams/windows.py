"""Windows: how long they wait for late events, and by which clock an event counts."""

from sim.machine.clock import SECOND, parse_duration
from sim.teach.interview.question import Experiment, Picture, Proof, Question, Runs, WrongAnswer

__all__ = ["QUESTIONS"]

GRACES = {"duration": "20s"}
CLICKS = {"duration": "30s", "replay_at": "40s", "arrivals": "poisson:30"}


def _missed(runs: Runs) -> Proof:
    run = runs["windows"]
    graces, late_s = run.results["graces"], parse_duration(run.settings["late_by"]) / SECOND
    none, longest = graces["0s"], list(graces)[-1]
    enough = next(grace for grace, found in graces.items() if not found["missed"])
    wait_s = graces[enough]["delay_ms"]["median"] / 1000
    share = run.settings["late_share"]
    return Proof(
        none["missed"] > 0 and graces[longest]["missed"] == 0 and parse_duration(enough) / SECOND >= late_s,
        none["missed"],
        "frauds missed",
        f"Without grace {none['dropped']:,} payments are dropped and {none['missed']} of {none['frauds']} frauds "
        f"missed; with {enough} of grace none is, and half of the alerts come within {wait_s:.1f} s after the window.",
        {
            "missed": none["missed"],
            "frauds": none["frauds"],
            "dropped": none["dropped"],
            "share": share,
            "late_s": late_s,
            "enough": enough,
            "wait_s": wait_s,
            "soon_s": none["delay_ms"]["median"] / 1000,
        },
    )


def _dropped_though_delivered(runs: Runs) -> tuple[bool, str]:
    run = runs["windows"]
    lost, dropped = len(run.verdict.lost), run.results["graces"]["0s"]["dropped"]
    return run.verdict.ok and dropped > 0, (
        f"Kafka lost {lost} of {run.verdict.acknowledged:,} payments and delivered the others in order, and still "
        f"{dropped:,} came after their window had closed."
    )


def _the_longest_grace(runs: Runs) -> tuple[bool, str]:
    graces = runs["windows"].results["graces"]
    enough = next(grace for grace, found in graces.items() if not found["missed"])
    longest = list(graces)[-1]
    waits = {grace: graces[grace]["delay_ms"]["median"] / 1000 for grace in (enough, longest)}
    return graces[longest]["missed"] == 0 and waits[longest] > 1.5 * waits[enough], (
        f"{longest} of grace finds no more frauds than {enough}, and half of its alerts take {waits[longest]:.1f} s "
        f"and longer instead of {waits[enough]:.1f} s."
    )


def _windows(runs: Runs) -> Proof:
    found, again = runs["processing"].results, runs["event"].results
    live, replayed = len(found["live"]), len(found["replayed"])
    share = 100 * found["in_another_window"] / found["clicks"]
    return Proof(
        again["live"] == again["replayed"] and found["clicks"] == found["clicks_replayed"] and share > 50,
        share,
        "% of the clicks in another window",
        f"{found['clicks']:,} clicks filled {live} windows live, and {replayed} when they were read again within "
        f"{found['replay_s']:.1f} s; by event time {again['in_another_window']} of them changed their window.",
        {
            "clicks": found["clicks"],
            "live": live,
            "replayed": replayed,
            "moved": found["in_another_window"],
            "replay_s": found["replay_s"],
            "event_moved": again["in_another_window"],
        },
    )


def _same_records_other_windows(runs: Runs) -> tuple[bool, str]:
    found = runs["processing"].results
    return found["live"] != found["replayed"], (
        f"Both runs read the same {found['clicks']:,} clicks; the one counted {len(found['live'])} windows, the other "
        f"{len(found['replayed'])}, as it read them in {found['replay_s']:.1f} s."
    )


QUESTIONS = (
    Question(
        number=59,
        topic="streams",
        level="senior",
        asks="A fraud rule counts payments in windows. What do late events do to it?",
        predict="""
            A stolen card is tried five times within seconds, four in a window raise an alert. Three in ten payments
            come up to 12 s late, windows close at once. How many of the 20 frauds are missed?
        """,
        flights={"windows": Experiment("windowed-fraud", GRACES)},
        prove=_missed,
        answer="""
            A window of event time closes when the stream time, the highest timestamp read so far, has passed its end by
            the grace. What comes later for it is dropped, without an error. In the run {share:.0%} of the payments come
            up to {late_s:.0f} seconds late: without grace {dropped:,} are dropped and {missed} of {frauds} frauds are
            missed. With {enough} of grace none is. The price is latency, for everybody: an alert waits for the end of
            the window and the grace whether anything is late or not, {wait_s:.1f} seconds here instead of {soon_s:.1f}.
            So I measure how late events are, take a quantile of that as the grace, watch the counter of dropped
            records, and send what comes even later to a topic of its own.
        """,
        follow_up="Can you have an early result and a right one?",
        follow_up_answer="""
            Yes: emit while the window is open and correct the result later, as Kafka Streams does unless it is told to
            suppress until the window closes. Then whoever reads must bear updates. A fraud alert may come early; an
            invoice may not. Here waiting for the final result takes {wait_s:.1f} s after the end of a window.
        """,
        wrong=(
            WrongAnswer("Kafka delivers in order, so nothing is late.", _dropped_though_delivered),
            WrongAnswer("Take a very long grace, then you are safe.", _the_longest_grace),
        ),
        picture=Picture(
            x="grace (s)",
            y="count",
            curves=lambda runs: {
                name: [
                    (parse_duration(grace) / SECOND, found[key])
                    for grace, found in runs["windows"].results["graces"].items()
                ]
                for name, key in (("frauds", "frauds"), ("frauds missed", "missed"))
            },
            title=lambda runs: str(runs["windows"].results["finding"]),
        ),
    ),
    Question(
        number=62,
        topic="streams",
        level="junior",
        asks="What is the difference between event time and processing time?",
        predict="""
            A job counts clicks in windows of ten seconds by the clock of its machine. Later it reads the same topic
            again. What percentage of the clicks counts in another window than before?
        """,
        flights={
            "processing": Experiment("event-time-replay", CLICKS),
            "event": Experiment("event-time-replay", {**CLICKS, "event_time": True}),
        },
        prove=_windows,
        answer="""
            Event time is when something happened: the timestamp in the record, set by the producer. Processing time is
            when the job happens to read it. Only event time gives the same answer twice. In the run {clicks:,} clicks
            filled {live} windows while they came; when the job read them again, in {replay_s:.1f} seconds, processing
            time put them into {replayed}, and {moved:,} of them changed their window. By event time {event_moved} did.
            That matters after every outage and every reprocessing, as a consumer that catches up reads minutes of
            events in seconds. The price of event time is that events come late, so windows need a grace. Processing
            time is right only for questions about the job itself.
        """,
        follow_up="Which timestamp does a Kafka record carry?",
        follow_up_answer="""
            With message.timestamp.type CreateTime, the default, that of the producer; with LogAppendTime the broker's
            clock at the append. CreateTime is event time only if the producer sets it to when it happened, and clocks
            of devices may be wrong. Here the {clicks:,} clicks carry the time of the click.
        """,
        wrong=(WrongAnswer("The same records always give the same windows.", _same_records_other_windows),),
        picture=Picture(
            x="number of the window of ten seconds",
            y="clicks",
            curves=lambda runs: {
                "live": runs["processing"].results["live"],
                "replayed, by event time": runs["event"].results["replayed"],
                "replayed, by processing time": runs["processing"].results["replayed"],
            },
            title=lambda runs: str(runs["processing"].results["finding"]),
        ),
    ),
)
