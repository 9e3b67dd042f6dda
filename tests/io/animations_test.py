import numpy as np
import pytest
from PIL import Image

from pie_jax.core.errors import PieError
from pie_jax.io.animations import write_gif


def frames(count=5):
    """Plain frames of very different colours."""
    colours = np.random.default_rng(0).integers(0, 256, (count, 1, 1, 3), np.uint8)
    return np.broadcast_to(colours, (count, 8, 16, 3))


def test_all_frames_are_there_with_their_colours_and_need_a_folder(tmp_path):
    write_gif(tmp_path / "turn.gif", frames(), seconds=1.0)
    with Image.open(tmp_path / "turn.gif") as image:
        assert (image.size, image.n_frames) == ((16, 8), 5)
        assert image.info["loop"] == 0
        for i, frame in enumerate(frames()):
            image.seek(i)
            assert image.info["duration"] == 200
            np.testing.assert_allclose(image.convert("RGB"), frame, atol=8)
    assert [path.name for path in tmp_path.iterdir()] == ["turn.gif"]
    with pytest.raises(PieError, match=r"turn\.gif: cannot be written"):
        write_gif(tmp_path / "absent" / "turn.gif", frames(), seconds=1.0)
