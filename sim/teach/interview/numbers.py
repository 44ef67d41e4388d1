"""The number of a proof for people, and how near a candidate's own number comes to it."""

import re

from sim.teach.interview.question import Proof, Question

__all__ = ["amount", "compared", "plain"]

NUMBER = re.compile(r"[-+−]?\d[\d,_]*(?:\.\d+)?|[-+−]?\.\d+")
NEAR = 0.1
"""Within a tenth a prediction counts as near."""


def plain(number: float) -> str:
    """`6`, `2,586`, `0.104`, `8.17`: whole numbers as they are, others with three digits."""
    if float(number).is_integer() or abs(number) >= 100:
        return f"{number:,.0f}"
    return f"{number:.3g}"


def amount(proof: Proof) -> str:
    """The number with its unit: `6 consumers`."""
    return f"{plain(proof.number)} {proof.unit}"


def compared(said: str, question: Question, proof: Proof) -> str:
    """One sentence on a prediction; a text without a number is left to its author, as free text is not graded."""
    if question.choices:
        return _chosen(said, question, proof)
    found = NUMBER.search(said)
    if found is None:
        return f"You said: {said}. There is no number in it; the runs say {amount(proof)}."
    given = float(found.group().replace(",", "").replace("_", "").replace("−", "-"))
    if plain(given) == plain(proof.number):
        return f"You said {plain(given)}: that is what the runs say."
    off = abs(given - proof.number)
    near = "near" if off <= NEAR * abs(proof.number) else "not near"
    way = "more" if given > proof.number else "less"
    return f"You said {plain(given)}, {near}: {plain(off)} {way} than the {amount(proof)} of the runs."


def _chosen(said: str, question: Question, proof: Proof) -> str:
    """Choices are named by their number or their first letters."""
    word = said.strip().casefold()
    chosen = [choice for place, choice in enumerate(question.choices, start=1)
              if word == str(place) or (word and choice.casefold().startswith(word))]  # fmt: skip
    if len(chosen) != 1:
        return f"You said: {said}. That is none of {', '.join(question.choices)}; the runs say {amount(proof)}."
    right = proof.figures.get("choice")
    if right is None:
        return f"You said {chosen[0]}; the runs say {amount(proof)}."
    return f"You said {chosen[0]}: " + ("so say the runs." if chosen[0] == right else f"the runs say {right}.")
