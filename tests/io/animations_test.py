import numpy as np
import pytest
from PIL import Image

from pie_jax.core.errors import PieError
from pie_jax.io.animations import write_gif, write_mp4


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


def test_a_film_has_all_frames_their_colours_time_and_comment(tmp_path):
    av = pytest.importorskip("av", reason="PyAV comes with the extra ui")
    plain = frames().repeat(8, axis=1).repeat(4, axis=2)  # H.264 has blocks of 16
    write_mp4(tmp_path / "turn.mp4", plain, seconds=1.0, comment="synthetic")
    with av.open(tmp_path / "turn.mp4") as film:
        assert film.metadata["comment"] == "synthetic"
        assert float(film.streams.video[0].average_rate) == 5
        found = [x.to_ndarray(format="rgb24") for x in film.decode(video=0)]
    for frame, expected in zip(found, plain, strict=True):
        np.testing.assert_allclose(frame.astype(int), expected, atol=12)
    assert [path.name for path in tmp_path.iterdir()] == ["turn.mp4"]
    odd = plain[:, :63, :63]
    write_mp4(tmp_path / "odd.mp4", odd, seconds=1.0)
    with pytest.raises(PieError, match=r"turn\.mp4: cannot be written"):
        write_mp4(tmp_path / "absent" / "turn.mp4", plain, seconds=1.0)
