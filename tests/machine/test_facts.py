"""The board of facts: by exact type, in the order in which listeners came."""

from dataclasses import dataclass

from sim.machine.facts import Facts


@dataclass(frozen=True)
class Elected:
    leader: int


class Special(Elected):
    pass


def test_listeners_hear_facts_of_their_type_in_the_order_in_which_they_came() -> None:
    facts, heard = Facts(), []  # type: tuple[Facts, list[tuple[str, int, object]]]
    facts.listen(Elected, lambda time, fact: heard.append(("first", time, fact)))
    facts.listen(Elected, lambda time, fact: heard.append(("second", time, fact)))
    facts.listen(Special, lambda time, fact: heard.append(("special", time, fact)))
    facts.announce(5, Elected(1))
    assert heard == [("first", 5, Elected(1)), ("second", 5, Elected(1))]
    special = Special(2)
    facts.announce(6, special)
    assert heard[2:] == [("special", 6, special)]


def test_a_fact_nobody_wants_is_dropped() -> None:
    facts, heard = Facts(), []  # type: tuple[Facts, list[object]]
    assert not facts.wanted(Elected)
    facts.announce(1, Elected(1))
    facts.listen(Elected, lambda _, fact: heard.append(fact))
    assert facts.wanted(Elected)
    assert not facts.wanted(Special)
    assert heard == []
