"""Which log directory takes a replica."""

from sim.rules.storage.log_directories import next_log_directory, spread_replicas
from sim.rules.topics import TopicPartition


def test_the_live_directory_with_the_fewest_replicas_takes_the_next_one_the_first_of_several() -> None:
    assert next_log_directory((), (0, 1, 2)) == 0
    assert next_log_directory((0, 1, 0), (0, 1, 2)) == 2
    assert next_log_directory((0, 2, 1, 0), (0, 1, 2)) == 1
    assert next_log_directory((0, 0, 0, 1), (0, 2)) == 2
    assert next_log_directory((1, 1), (0,)) == 0


def test_replicas_are_spread_on_each_broker_by_itself() -> None:
    names = [TopicPartition("t", number) for number in range(3)]
    found = spread_replicas(zip(names, ((1, 2), (2, 3), (1, 3)), strict=True), 2)
    assert found == {
        (names[0], 1): 0,
        (names[0], 2): 0,
        (names[1], 2): 1,
        (names[1], 3): 0,
        (names[2], 1): 1,
        (names[2], 3): 1,
    }
