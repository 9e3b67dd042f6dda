import pytest

from tests import kills

pytestmark = pytest.mark.usefixtures("no_weights")


def test_killed_runs_go_on_as_if_nothing_had_been(tmp_path):
    assert kills.main(num=3, seed=0, place=tmp_path)["killed"] == 3
