"""How a broker's requests find the active controller, and when they are given up."""

import pytest

from sim.actors.broker.controller_channel import controller_channel
from sim.rules.errors import ErrorCode
from sim.rules.protocol.controller import AllocateProducerIdsRequest, AllocateProducerIdsResponse
from sim.rules.protocol.messages import ErrorResponse, Message
from sim.rules.protocol.topic import CreateTopicsRequest, CreateTopicsResponse, NewTopic
from tests.actors.controller.quorums import Quorum
from tests.actors.flights import Probe

Answers = list[tuple[float, Message]]


def ask(story: Quorum, retry_timeout_ms: int | None) -> Answers:
    """Let broker 1 ask for producer ids on a channel of its own; the answer with its time."""
    broker, answers = story.broker(1), Answers()
    channel = controller_channel(broker, 2000, retry_timeout_ms)
    request = AllocateProducerIdsRequest(1, broker.epoch)
    channel.request(request, lambda answer: answers.append((story.now_s, answer)))
    return answers


@pytest.mark.parametrize("trouble", ["stop", "pause", "cut"])
def test_a_request_finds_the_new_controller(trouble: str) -> None:
    story = Quorum(1)
    old = story.controller(100)
    {"stop": old.stop, "pause": old.pause, "cut": lambda: story.cut(100)}[trouble]()
    answers = ask(story, None)
    story.fly(9)
    ((time_s, answer),) = answers
    assert isinstance(answer, AllocateProducerIdsResponse)
    ((leader, _),) = story.elections()
    assert story.broker(1).metadata.leader_id == leader
    assert time_s < 6.2


def test_a_request_is_given_up_after_its_retry_time_out_and_another_never() -> None:
    story = Quorum(2)
    for controller in story.cluster.controllers.values():
        controller.stop()
    impatient, patient = ask(story, 4500), ask(story, None)
    story.fly(20)
    assert impatient == [(4.5, ErrorResponse(ErrorCode.REQUEST_TIMED_OUT))]
    assert patient == []
    for controller in story.cluster.controllers.values():
        controller.start()
    story.fly(30)
    ((_, answer),) = patient
    assert isinstance(answer, AllocateProducerIdsResponse)
    assert len(impatient) == 1


def test_that_the_only_controller_does_not_answer_is_told_at_once() -> None:
    story = Quorum(3, controllers=1)
    story.controller(100).stop()
    answers = ask(story, 4500)
    story.fly(1)
    ((time_s, answer),) = answers
    assert answer == ErrorResponse(ErrorCode.NETWORK_EXCEPTION)
    assert time_s < 0.01


def test_what_a_client_asks_a_broker_to_forward_outlives_the_controller() -> None:
    story = Quorum(4)
    probe = Probe(story)
    story.controller(100).stop()
    (answer,) = probe.ask(1, CreateTopicsRequest([NewTopic("new", 1, 1)]), wait_s=6)
    assert isinstance(answer, CreateTopicsResponse)
    assert answer.topics["new"].error is ErrorCode.NONE
    assert story.broker(1).image.partition_counts["new"] == 1
