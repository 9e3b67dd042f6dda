import pytest

from tests import crowds

pytestmark = pytest.mark.usefixtures("no_weights")


def test_two_runs_share_one_folder(tmp_path):
    assert crowds.main(num=1, seed=0, place=tmp_path)["times"] == 1
