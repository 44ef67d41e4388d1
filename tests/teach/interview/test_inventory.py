"""The questions as one list: every topic is in it, numbers are their own, and what does not exist is told."""

from pkgutil import iter_modules

import pytest

from sim.rules.errors import ConfigError
from sim.teach import interview
from sim.teach.interview import inventory

PLACES = {
    "log": range(1, 13),
    "producer": range(13, 22),
    "replication": range(22, 34),
    "groups": range(34, 51),
    "semantics": range(51, 59),
    "streams": range(59, 63),
    "operations": range(63, 67),
}


def test_every_package_of_questions_is_a_topic() -> None:
    packages = [module.name for module in iter_modules(interview.__path__) if module.ispkg]
    assert sorted(packages) == sorted(inventory.TOPICS)


def test_each_question_has_a_number_of_its_topic() -> None:
    found = inventory.questions()
    numbers = [question.number for question in found]
    assert numbers == sorted(set(numbers))
    assert all(question.number in PLACES[question.topic] for question in found)
    assert {question.level for question in found} == set(inventory.LEVELS)
    assert numbers == list(range(1, inventory.MOST + 1))


@pytest.mark.parametrize("topic", inventory.TOPICS)
def test_questions_of_a_topic_and_of_a_level(topic: str) -> None:
    found = inventory.questions(topic)
    assert found
    assert {question.topic for question in found} == {topic}
    seniors = inventory.questions(topic, "senior")
    assert list(seniors) == [question for question in found if question.level == "senior"]


def test_the_seed_draws_different_questions() -> None:
    count = len(inventory.questions())
    assert inventory.draw(count, 0) != inventory.questions()
    assert sorted(each.number for each in inventory.draw(count, 0)) == [each.number for each in inventory.questions()]
    assert inventory.draw(3, 7) == inventory.draw(3, 7)
    assert any(inventory.draw(3, seed) != inventory.draw(3, 7) for seed in range(3))


@pytest.mark.parametrize(
    ("ask", "told"),
    [
        (lambda: inventory.questions("streems"), "unknown topic 'streems', did you mean 'streams'?"),
        (lambda: inventory.questions(level="seniour"), "unknown level 'seniour', did you mean 'senior'?"),
        (lambda: inventory.question(67), "there is no question 67, did you mean 66? They are numbered 1 to 66"),
        (lambda: inventory.question(0), "there is no question 0, did you mean 1?"),
        (lambda: inventory.draw(0, 0), "0 questions: ask for 1 to "),
        (
            lambda: inventory.draw(5, 0, "streams", "junior"),
            "5 questions: ask for 1 to 1, as many as there are junior",
        ),
    ],
)
def test_what_does_not_exist_is_one_line(ask: object, told: str) -> None:
    assert callable(ask)
    with pytest.raises(ConfigError) as refused:
        ask()
    assert str(refused.value).startswith(told)
    assert "\n" not in str(refused.value)


def test_a_notebook_shows_a_list() -> None:
    shown = interview.questions(topic="streams")._repr_markdown_()
    assert shown.count("\n- ") == 3
    assert shown.startswith("- **59** (streams, senior) A fraud rule")
