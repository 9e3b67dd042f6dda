"""The table of kinds."""

import pytest
from pie_jax.converters import kinds

from pie_jax.core.errors import PieError


@pytest.mark.parametrize("kind", sorted(kinds.KINDS))
def test_each_kind_is_described_and_refuses_what_it_does_not_know(kind, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"something else")
    assert len(kinds.KINDS[kind].description) > 20
    with pytest.raises(PieError, match="file"):
        kinds.KINDS[kind].convert(path)
