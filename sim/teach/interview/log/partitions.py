"""Why partitions, and how many."""

from sim.teach.interview.question import Experiment, Picture, Proof, Question, Runs, WrongAnswer

__all__ = ["QUESTIONS"]

ARCHIVE = {"records": 300}


def _knee(runs: Runs) -> Proof:
    curve = {point["members"]: point["records_per_s"] for point in runs["groups"].results["curve"]}
    knee, partitions = runs["groups"].results["knee"], runs["groups"].settings["partitions"]
    return Proof(
        knee == partitions,
        knee,
        "consumers",
        f"Throughput grows up to {knee} consumers and stays there: {curve[1]:,.0f} records/s with one, "
        f"{curve[6]:,.0f} with six, {curve[8]:,.0f} with eight.",
        {"one": curve[1], "six": curve[6], "eight": curve[8], "partitions": partitions, "knee": knee},
    )


def _eight_are_no_faster(runs: Runs) -> tuple[bool, str]:
    curve = {point["members"]: point for point in runs["groups"].results["curve"]}
    six, eight = curve[6], curve[8]
    refuted = eight["records_per_s"] < 1.02 * six["records_per_s"] and eight["working"] == 6
    return refuted, (
        f"Eight consumers read {eight['records_per_s']:,.0f} records/s, six read {six['records_per_s']:,.0f}: "
        f"{8 - eight['working']} of the eight own no partition."
    )


QUESTIONS = (
    Question(
        number=1,
        topic="log",
        level="junior",
        asks="Why does a topic have partitions?",
        predict="A topic has six partitions. From which number of consumers on does its group get no faster?",
        flights={"groups": Experiment("partitions-and-consumers", ARCHIVE)},
        prove=_knee,
        answer="""
            A partition is the unit of parallelism and the unit of order. Each is a log of its own with one leader, so
            partitions spread a topic over brokers, and within a group each belongs to one consumer. In the run one
            consumer read {one:,.0f} records a second and six read {six:,.0f}, as there are {partitions} partitions;
            eight read {eight:,.0f}. So the number of partitions is the most consumers that can work at once.
        """,
        follow_up="Why not simply make a thousand partitions?",
        follow_up_answer="""
            Each costs files, memory and work at a leader change, spreads batches thin, and keys move when the number
            changes; order holds only within one of them. Take what the peak rate needs, with room to grow: here
            {partitions} carry {six:,.0f} records a second.
        """,
        wrong=(WrongAnswer("More consumers always read faster.", _eight_are_no_faster),),
        picture=Picture(
            x="consumers in the group",
            y="records per second",
            curves=lambda runs: {
                "rate of the group": [(p["members"], p["records_per_s"]) for p in runs["groups"].results["curve"]]
            },
            title=lambda runs: str(runs["groups"].results["finding"]),
        ),
    ),
)
