import chex
import jax
import numpy as np
import pytest
from flax import struct

from pie_jax.core.errors import PieError
from pie_jax.io.checkpoints import Checkpoints


@struct.dataclass
class State:
    """Arrays of several kinds, and a value that is not part of the pytree's leaves."""

    latent: np.ndarray
    trace: dict[str, np.ndarray]
    step: np.ndarray
    stage: int = struct.field(pytree_node=False)


def state(steps: int) -> State:
    rng = np.random.default_rng(steps)
    trace = {"total": rng.normal(size=(steps, 2)).astype(np.float32)}
    return State(rng.normal(size=(2, 5)), trace, np.int32([steps, steps]), stage=1)


def template(record: dict) -> State:
    """The layout of `state(record["steps"])`."""
    return jax.tree.map(
        lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype), state(record["steps"])
    )


def test_nothing_saved_is_none_and_what_is_unfinished_passed_over(tmp_path):
    with Checkpoints(tmp_path / "run") as checkpoints:
        assert checkpoints.latest(template) is None
    assert not list(tmp_path.iterdir())
    (tmp_path / "file").write_text("a file, not a folder")
    with pytest.raises(PieError, match="cannot be written"):
        Checkpoints(tmp_path / "file" / "run")

    with Checkpoints(tmp_path / "run") as checkpoints:
        checkpoints.save(3, state(3), {"steps": 3})
    # What Orbax leaves when it is killed while it writes.
    (tmp_path / "run" / "5.orbax-checkpoint-tmp").mkdir()
    with Checkpoints(tmp_path / "run") as checkpoints:
        _, record = checkpoints.latest(template)
    assert record == {"steps": 3}
    for file in (tmp_path / "run" / "3" / "state").rglob("*"):
        if file.is_file():
            file.write_bytes(b"damaged")
    with (
        Checkpoints(tmp_path / "run") as checkpoints,
        pytest.raises(PieError, match="run is damaged"),
    ):
        checkpoints.latest(template)


@jax.enable_x64()
def test_the_last_state_comes_back_in_its_own_classes(tmp_path):
    with Checkpoints(tmp_path / "run") as checkpoints:
        for steps in (3, 5):
            checkpoints.save(steps, state(steps), {"steps": steps, "seconds": 1.5})
    with Checkpoints(tmp_path / "run") as checkpoints:
        restored, record = checkpoints.latest(template)
    assert record == {"steps": 5, "seconds": 1.5}
    assert isinstance(restored, State)
    assert restored.stage == 1
    chex.assert_trees_all_equal(restored, state(5))
    chex.assert_trees_all_equal_dtypes(restored, state(5))
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["5"]
    with Checkpoints(tmp_path / "run") as checkpoints:
        checkpoints.delete()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", ["[1]", "NaN", "[" * 99_999])
@pytest.mark.parametrize(
    "part", ["_CHECKPOINT_METADATA", "record/metadata", "state/_METADATA"]
)
def test_whatever_a_part_of_a_checkpoint_says_is_explained(tmp_path, part, content):
    with Checkpoints(tmp_path / "run") as checkpoints:
        checkpoints.save(3, state(3), {"steps": 3})
    (tmp_path / "run" / "3" / part).write_text(content)
    with (
        pytest.raises(PieError, match="run is damaged"),
        Checkpoints(tmp_path / "run") as checkpoints,
    ):
        checkpoints.latest(template)


def test_a_checkpoint_that_does_not_fit_on_the_disk_is_an_error_and_leaves_the_last(
    tmp_path, small_files
):
    with Checkpoints(tmp_path / "run") as checkpoints:
        checkpoints.save(3, state(3), {"steps": 3})
        reason = r"run: cannot be written \(.*File too large"
        with pytest.raises(PieError, match=reason), small_files(100):
            checkpoints.save(5, state(5), {"steps": 5})
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["3"]
