import json

import pytest

from pie_jax.core.errors import PieError
from pie_jax.io import records


def test_a_record_is_read_back_and_an_absent_folder_is_an_error(tmp_path):
    records.write(tmp_path / "a.json", {"yaw": 3.5, "name": "Zoë"})
    found = json.loads((tmp_path / "a.json").read_text())
    assert found == {"yaw": 3.5, "name": "Zoë"}
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
    with pytest.raises(PieError, match="a.json: cannot be written"):
        records.write(tmp_path / "absent" / "a.json", {})
