"""A few of the deaths that `python -m tests.integration.kills` has by the hundred."""

from tests.integration.kills import disordered, doubled, lost, to_elasticsearch, to_lumberjack

RUNS = 5


def test_killed_and_rotated_behind_a_bad_line_to_a_lumberjack_server_it_loses_nothing(
    new_lumberjack, tmp_path
):
    history, _, arrivals = to_lumberjack(new_lumberjack(), tmp_path, RUNS, seed=3)
    assert lost(history, arrivals) == set()
    assert doubled(arrivals) == 0
    assert disordered(history, arrivals) == 0


def test_killed_and_rotated_behind_a_bad_line_to_elasticsearch_it_loses_and_doubles_nothing(
    elasticsearch, tmp_path
):
    history, _, arrivals = to_elasticsearch(elasticsearch, tmp_path, RUNS, seed=3)
    assert lost(history, arrivals) == set()
    assert doubled(arrivals) == 0
