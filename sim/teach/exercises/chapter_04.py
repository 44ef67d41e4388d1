"""Exercises of chapter 4, replication: what is written where before it is acknowledged."""

from functools import cache
from random import Random
from typing import Any

from sim.machine.hardware import nearest
from sim.rules.config import BrokerConfig
from sim.rules.errors import ConfigError
from sim.teach.exercises.exercise import Exercise, Variant, near
from sim.teach.outages import Outcome, outage

__all__ = ["EXERCISES"]

KEYS = ("replicas", "acks", "min.insync.replicas")
MOST_REPLICAS = 6
DEATHS = {1: "leader dies", 2: "two die"}


@cache
def _flown(name: str, rate: int, replicas: int, cut_s: int, *config: tuple[str, str]) -> Outcome:
    return outage(name, dict(config), rate=rate, replicas=replicas, cut_s=cut_s)


def _draw_deaths(chance: Random) -> Variant:
    spare, minimum = chance.choice((2, 3, 5)), chance.randrange(2, 5)
    return {"replicas": spare + minimum, "minimum": minimum}


def _hint_deaths(variant: Variant, answer: Any) -> str:
    replicas, minimum = variant["replicas"], variant["minimum"]
    if answer == replicas - minimum:
        return ""
    if answer == replicas - 1:
        return "One is enough to lead, and to be read from. But does it take a write when it is alone?"
    if answer == minimum:
        return "So many must be in sync for a write. How many may be missing then?"
    if answer >= replicas:
        return "Then nobody is left who could take a write."
    return "Let them die one by one. After which death are fewer in sync than a write needs?"


def _draw_cut(chance: Random) -> Variant:
    """Cuts after which the old leader soon hears of the new one: TCP tries again less and less often."""
    return {"rate": chance.randrange(10, 41, 5), "cut_s": chance.choice((12, 13, 14, 15, 17, 20, 21))}


def _lost(variant: Variant) -> int:
    return _flown("leader cut off", int(variant["rate"]), 3, int(variant["cut_s"]), ("acks", "1")).lost


def _hint_cut(variant: Variant, answer: Any) -> str:
    rate, session_s = variant["rate"], BrokerConfig().broker_session_timeout_ms / 1000
    if near(_lost(variant), answer, 0.15):
        return ""
    if answer <= 0:
        return "The old leader goes on and acknowledges. But who has copied that, and whose log counts in the end?"
    if near(rate * session_s, answer, 0.1):
        return "By then there is a new leader. But does a producer ask who leads, as long as it is answered?"
    if near(rate * (variant["cut_s"] - session_s), answer, 0.1):
        return "Not only since there are two leaders. What has the new one copied of the time before?"
    return "What was acknowledged by the old leader and copied by nobody? From when until when did that go on?"


def _draw_settings(chance: Random) -> Variant:
    return {"deaths": chance.choice((1, 2)), "rate": chance.randrange(10, 21)}


def _hint_settings(variant: Variant, answer: Any) -> str:
    given = {str(key).replace("_", "."): value for key, value in answer.items()}
    if strange := [key for key in given if key not in KEYS]:
        return f"This exercise knows no {strange[0]!r}{nearest(strange[0], KEYS)}."
    replicas = given.pop("replicas", 3)
    if not isinstance(replicas, int) or not 1 <= replicas <= MOST_REPLICAS:
        return f"`replicas` is a whole number from 1 to {MOST_REPLICAS}."
    config = sorted((key, str(value)) for key, value in given.items())
    names = (DEATHS[int(variant["deaths"])], "leader cut off", "last one loses power")
    try:
        found = {name: _flown(name, int(variant["rate"]), replicas, 15, *config) for name in names}
    except ConfigError as error:
        return f"Kafka would not take it: {error}"
    if lost := [name for name, outcome in found.items() if outcome.lost]:
        return f"*{lost[0]}*: {found[lost[0]].lost} acknowledged payments are gone. On how many machines had they been?"
    share = found[names[0]].share
    if share < 0.99:
        return f"*{names[0]}*: only {share:.0%} of the payments were acknowledged. How many may be missing for a write?"
    if replicas > variant["deaths"] + 2:
        return "Safe and available. But one replica more than it takes is a disk more than it takes."
    return ""


EXERCISES = (
    Exercise(
        id="04-1",
        answer="a number of brokers",
        draw=_draw_deaths,
        asks=lambda variant: (
            f"""
            A partition has {variant["replicas"]} replicas, each on a broker of its own, and
            `min.insync.replicas={variant["minimum"]}`. All are in sync. Brokers die one after the other, with minutes
            between. How many may be dead at most while `acks=all` is still acknowledged?
        """
        ),
        solve=lambda variant: variant["replicas"] - variant["minimum"],
        judge=_hint_deaths,
        wrong=lambda variant: (variant["replicas"] - 1, variant["replicas"], 0),
        takes=(int,),
    ),
    Exercise(
        id="04-2",
        answer="a number of payments",
        draw=_draw_cut,
        asks=lambda variant: (
            f"""
            {variant["rate"]} payments a second are written with `acks=1`. For {variant["cut_s"]} s the leader is cut
            off from the controller and from its followers, but not from the producer. How many acknowledged payments
            are lost (within 15 %)?
        """
        ),
        solve=_lost,
        judge=_hint_cut,
        wrong=lambda variant: (0, variant["rate"] * 9, variant["rate"] * 60),
    ),
    Exercise(
        id="04-3",
        answer='settings such as {"replicas": 3, "acks": "all", "min.insync.replicas": 1}',
        draw=_draw_settings,
        asks=lambda variant: (
            f"""
            {variant["rate"]} payments a second. Find `replicas`, `acks` and `min.insync.replicas` with which nothing
            acknowledged is lost when the leader is cut off, or when the last one in sync loses power, and with which
            more than 99 % are acknowledged although {"one broker dies" if variant["deaths"] == 1 else "two die"}. Take
            no more replicas than it needs.
        """
        ),
        solve=lambda variant: {"replicas": variant["deaths"] + 2, "acks": "all", "min.insync.replicas": 2},
        judge=_hint_settings,
        wrong=lambda variant: (
            {"replicas": 3, "acks": 1},
            {"acks": "all", "min.insync.replicas": 3},
            {"replicas": variant["deaths"] + 3, "min.insync.replicas": 2},
            {"min.insink.replicas": 2},
        ),
        takes=(dict,),
    ),
)
