"""Client quotas in flight: who uses too much is answered at once and then not read for a while; others go on."""

import json
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

import pytest
from simpy import Event

from sim.actors.broker.quota_managers import ClientQuotas, QuotaManagers
from sim.actors.broker.socket_server import ServerRequest
from sim.actors.client.app import App
from sim.machine.clock import MILLISECOND
from sim.rules.config import BrokerConfig
from sim.rules.facts.journal import BatchFailed, BatchRetried, RecordsAcknowledged
from sim.rules.protocol.messages import FetchResponse, Message, MetadataRequest, MetadataResponse, ProduceResponse
from tests.actors.flights import Probe, Story, seconds

Steps = Generator[Event, Any, Any]
RECORDED = json.loads((Path(__file__).parents[2] / "data" / "client_quotas.json").read_text())["runs"]
LIMIT: ClientQuotas = {"q1": {"producer_byte_rate": 1_048_576}}


class Flow:
    """A story with one partition, load of 3 MB/s from clients `q1` or others, and every throttle time that was told."""

    def __init__(self, quotas: ClientQuotas, *clients: str, **producer: object) -> None:
        self.story = Story(1, brokers=1, topic_config={"min.insync.replicas": 1}, client_quotas=quotas)
        self.acknowledged: list[tuple[float, str, int]] = []
        self.throttle_times_ms: dict[type[Message], list[int]] = {}
        self.story.machine.facts.listen(RecordsAcknowledged, self._acknowledge)
        self._overhear()
        for client_id in clients:
            self.story.cluster.app(client_id, self._load(client_id, producer), {}).start()

    def bytes_until(self, time_s: float, client_id: str = "q1") -> int:
        """Bytes of the values acknowledged up to a time."""
        return sum(size for time, name, size in self.acknowledged if time <= time_s and name == client_id)

    def _load(self, client_id: str, config: Mapping[str, object]) -> Any:
        def load(app: App) -> Steps:
            producer = app.producer(client_id=client_id, **config)
            for number in range(100_000):
                yield app.until(4 * number * MILLISECOND)
                yield from producer.send_many("payments", 1000, [app.now] * 12)

        return load

    def _acknowledge(self, time: int, fact: RecordsAcknowledged) -> None:
        self.acknowledged.append((seconds(time), fact.client_id, 1000 * fact.columns.count))

    def _overhear(self) -> None:
        reply = ServerRequest.reply
        told = self.throttle_times_ms
        broker = self.story.broker(1)
        handle = broker.handle

        class Overheard(ServerRequest):
            __slots__ = ()

            def reply(self, body: Message, departure: int = 0) -> None:
                told.setdefault(type(body), []).append(body.throttle_time_ms)
                reply(self, body, departure)

        def heard(request: ServerRequest) -> None:
            request.__class__ = Overheard
            handle(request)

        broker.handle = heard  # type: ignore[method-assign]


@pytest.mark.parametrize("recorded", RECORDED, ids=["default", "large batches", "one in flight"])
def test_a_throttled_producer_gets_as_far_as_the_recorded_one(recorded: Mapping[str, Any]) -> None:
    """Eleven windows' worth passes at once, then about a batch a second, until the first windows are forgotten."""
    flow = Flow(LIMIT, "q1", **recorded["producer"])
    flow.story.fly(20)
    for time_s, acknowledged in recorded["acknowledged_bytes_at_s"].items():
        assert flow.bytes_until(float(time_s)) == pytest.approx(acknowledged, rel=0.1)
    longest = max(flow.throttle_times_ms[ProduceResponse])
    assert longest == pytest.approx(recorded["longest_throttle_time_ms"], rel=0.02)


def test_the_figures_of_the_default_producer_are_those_of_the_recording_to_a_few_batches() -> None:
    flow = Flow(LIMIT, "q1")
    flow.story.fly(20)
    for time_s, acknowledged in RECORDED[0]["acknowledged_bytes_at_s"].items():
        assert flow.bytes_until(float(time_s)) == pytest.approx(acknowledged, abs=48_000)
    assert flow.bytes_until(3.5) == pytest.approx(3.5 * 3e6, rel=0.02), "the first seconds pass as offered"


def test_without_a_quota_or_with_one_for_others_nobody_rests() -> None:
    choices: list[ClientQuotas] = [{}, {"another": {"producer_byte_rate": 1000}}]
    for quotas in choices:
        flow = Flow(quotas, "q1")
        flow.story.fly(8)
        assert flow.bytes_until(8) == pytest.approx(8 * 3e6, rel=0.01)
        assert set(flow.throttle_times_ms[ProduceResponse]) == {0}


def test_a_throttled_client_does_not_slow_another_one() -> None:
    flow = Flow(LIMIT, "q1", "free")
    flow.story.fly(8)
    assert flow.bytes_until(8, "free") == pytest.approx(8 * 3e6, rel=0.01)
    assert flow.bytes_until(8, "q1") < 12e6


def test_time_for_which_a_client_is_throttled_is_no_waiting_for_an_answer() -> None:
    """Five requests wait in the socket, one is read each second: with a request.timeout.ms of 2 s none times out."""
    flow = Flow(LIMIT, "q1", request_timeout_ms=2000)
    flow.story.fly(11)
    assert flow.story.these(BatchRetried) == flow.story.these(BatchFailed) == []
    assert max(flow.throttle_times_ms[ProduceResponse]) > 900


def consumption(quotas: ClientQuotas, until_s: float) -> tuple[list[tuple[float, int]], list[int]]:
    """What a consumer gets of 20 MB that lie ready: times and bytes, and the throttle times of its fetches."""
    flow = Flow(quotas)
    got: list[tuple[float, int]] = []

    def fill(app: App) -> Steps:
        producer = app.producer()
        yield from producer.send_many("payments", 1000, [0] * 20_000)
        yield from producer.close()

    def drain(app: App) -> Steps:
        yield app.busy(ms=2000)
        consumer = app.consumer("g", ["payments"], client_id="c1", auto_offset_reset="earliest")
        while True:
            records = yield from consumer.poll(500)
            if records:
                got.append((seconds(app.now), 1000 * len(records)))

    for name, behaviour in (("fill", fill), ("drain", drain)):
        flow.story.cluster.app(name, behaviour, {}).start()
    flow.story.fly(until_s)
    return got, flow.throttle_times_ms[FetchResponse]


def test_a_throttled_consumer_gets_empty_answers_but_all_records_in_the_end() -> None:
    quick, never = consumption({}, 8)
    assert (sum(size for _, size in quick), set(never)) == (20_000_000, {0})
    slow, told = consumption({"c1": {"consumer_byte_rate": 1_000_000}}, 30)
    first_s = slow[0][0]
    early = sum(size for time, size in slow if time < first_s + 5)
    assert 9_000_000 <= early <= 11_000_000, "ten windows' worth at once"
    assert sum(size for _, size in slow) == 20_000_000, "a throttled fetch loses nothing"
    assert slow[-1][0] - first_s == pytest.approx(10, abs=2)
    assert max(told) > 0


def test_request_percentage_throttles_by_processor_time_and_for_one_window_at_most() -> None:
    """A percent of one request handler is 10 ms a second."""
    flow = Flow({"q1": {"request_percentage": 0.02}}, "q1")
    flow.story.fly(10)
    told = flow.throttle_times_ms[ProduceResponse]
    assert max(told) == 1000
    assert flow.bytes_until(10) < 15e6
    free = Flow({"q1": {"request_percentage": 50}}, "q1")
    free.story.fly(10)
    assert set(free.throttle_times_ms[ProduceResponse]) == {0}


def test_other_requests_count_for_request_percentage_and_the_answer_comes_at_once() -> None:
    flow = Flow({"probe": {"request_percentage": 0.0001}})
    probe = Probe(flow.story)
    probe.network._client_id = "probe"
    began = flow.story.now_s
    answers = probe.ask(1, MetadataRequest(), MetadataRequest(), wait_s=0.9)
    assert [type(answer) for answer in answers] == [MetadataResponse]
    assert answers[0].throttle_time_ms == 1000
    flow.story.fly(began + 1.2)
    assert len(answers) == 2, "the second one was read when the second was over"


def test_the_windows_are_as_the_broker_is_configured() -> None:
    assert QuotaManagers(LIMIT, BrokerConfig()).produce.most_in_window("u", "q1") == 10 * 1_048_576
    windows = {"quota.window.num": 3, "quota.window.size.seconds": 2}
    assert QuotaManagers(LIMIT, BrokerConfig.of(windows)).produce.most_in_window("u", "q1") == 4 * 1_048_576
    story = Story(broker_config=windows, client_quotas=LIMIT)
    assert story.broker(1).quotas.produce.most_in_window("u", "q1") == 4 * 1_048_576
