"""One seed, and a stream of its own for each name."""

from sim.machine.streams import Streams


def test_a_stream_depends_on_nothing_but_seed_and_name() -> None:
    alone = [Streams(7)["producer-3"].random() for _ in range(2)]
    crowd = Streams(7)
    crowd["producer-1"].random()
    crowd.columns("producer-3").random(10)
    assert crowd["producer-3"].random() == alone[0] == alone[1]
    assert alone[0] == 0.8208373090959169


def test_other_names_and_other_seeds_have_other_streams() -> None:
    draws = {Streams(seed)[name].random() for seed in (1, 2, 11) for name in ("a", "b", "1/a", "")}
    assert len(draws) == 12


def test_a_stream_goes_on_where_it_was() -> None:
    streams = Streams(1)
    assert streams["a"] is streams["a"]
    assert streams["a"].random() != streams["a"].random()


def test_columns_always_begin_at_the_beginning() -> None:
    streams = Streams(1)
    first, second = streams.columns("arrivals").random(5), streams.columns("arrivals").random(5)
    assert first.tolist() == second.tolist()
    assert first.tolist() != streams.columns("other").random(5).tolist()
