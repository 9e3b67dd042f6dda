import json
import os

import numpy as np
import pytest
from PIL import Image

from pie_jax import catalogue
from pie_jax.io import codes, images
from tests import builders

pytestmark = pytest.mark.usefixtures("no_weights")


def embed(*words: object) -> int:
    return builders.pie("embed", *words, *builders.TRIAL)


def results(folder):
    """What a portrait got, without the time that it took."""
    metrics = json.loads((folder / "metrics.json").read_text())
    del metrics["seconds"]
    pictures = {x.name: images.read(x).tobytes() for x in folder.glob("*.png")}
    code, origin = codes.load(folder)
    return metrics, pictures, {k: x.tobytes() for k, x in code.items()}, origin


@pytest.fixture(scope="module")
def clara(tmp_path_factory, cache_folder):
    """A second photograph, and what it gets when it is embedded alone."""
    place = tmp_path_factory.mktemp("clara")
    photo = builders.square_photo(place / "clara.png", seed=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PIE_JAX_CACHE", str(cache_folder))
        assert embed(photo, "--out", place / "out") == 0
    return photo, place / "out" / "clara"


def make_bad(folder) -> dict[str, str]:
    """Files that are no square photographs, and why each is refused."""
    whole = builders.square_photo(folder / "whole.png")
    with Image.open(whole) as photo:
        photo.save(folder / "cut.jpg")
        photo.resize((64, 32)).save(folder / "wide.png")
    data = (folder / "cut.jpg").read_bytes()
    (folder / "cut.jpg").write_bytes(data[: len(data) // 2])
    (folder / "text.jpg").write_text("a letter\n" * 99)
    return {
        "cut.jpg": "truncated or damaged",
        "text.jpg": "expected a photograph",
        "wide.png": "64 x 32",
        "absent.png": "no such file",
    }


def test_bad_photographs_neither_shift_nor_stop_the_others(
    embedded, clara, tmp_path, capsys
):
    bad = make_bad(tmp_path)
    clara_photo, clara_alone = clara
    out = tmp_path / "out"
    photos = [embedded.photo, *(tmp_path / name for name in bad), clara_photo]
    assert embed(*photos, "--out", out) == 1
    shown = capsys.readouterr().err
    for name, reason in bad.items():
        (line,) = (line for line in shown.splitlines() if name in line)
        assert line.startswith("pie: ")
        assert reason in line
    assert "4 of 6 photographs failed" in shown
    assert "Traceback" not in shown
    assert sorted(path.name for path in out.iterdir()) == ["anna", "clara"]
    assert results(out / "anna") == results(embedded.folder)
    assert results(out / "clara") == results(clara_alone)


def test_a_batch_gives_portrait_by_portrait_what_single_runs_give(
    embedded, clara, tmp_path
):
    (tmp_path / "text.jpg").write_text("a letter\n" * 99)
    clara_photo, clara_alone = clara
    out = tmp_path / "out"
    photos = [embedded.photo, tmp_path / "text.jpg", clara_photo]
    assert embed(*photos, "--out", out, "--config.batch_size=2") == 1
    for batched, alone in [
        (out / "anna", embedded.folder),
        (out / "clara", clara_alone),
    ]:
        code, origin = codes.load(batched)
        expected, expected_origin = codes.load(alone)
        # A batch is another program, whose sums run in another order: codes 3e-5
        # apart were seen. Those of the two portraits are 0.7 apart.
        np.testing.assert_allclose(code["w_plus"], expected["w_plus"], atol=2e-4)
        assert origin["photo"] == expected_origin["photo"]
        difference = np.abs(
            images.read(batched / "projection.png").astype(int)
            - images.read(alone / "projection.png").astype(int)
        )
        assert difference.max() <= 1


def test_one_bad_photograph_alone_leaves_nothing(tmp_path, capsys):
    photo = tmp_path / "text.jpg"
    photo.write_text("a letter\n" * 99)
    assert embed(photo, "--out", tmp_path / "out") == 1
    shown = capsys.readouterr().err
    assert shown.count("\n") == 1
    assert "text.jpg" in shown
    assert list(tmp_path.iterdir()) == [photo]


def test_photographs_of_one_name_are_refused_before_anything_is_done(tmp_path, capsys):
    (tmp_path / "other").mkdir()
    first = builders.square_photo(tmp_path / "anna.png")
    second = builders.square_photo(tmp_path / "other" / "anna.jpg", seed=1)
    assert embed(first, second, "--out", tmp_path / "out") == 1
    shown = capsys.readouterr().err
    assert str(first) in shown and str(second) in shown
    assert not (tmp_path / "out").exists()


def test_another_configuration_replaces_a_result_only_when_told(
    embedded, tmp_path, capsys
):
    out = tmp_path / "out"
    short = ("--config.stages[0].num_steps=2", "--config.stages[1].num_steps=2")
    assert embed(embedded.photo, "--out", out, *short) == 0
    before = builders.files(out)
    other = (*short, "--config.stages[1].space=w")
    capsys.readouterr()

    assert embed(embedded.photo, "--out", out, *other) == 1
    shown = capsys.readouterr().err
    assert "--overwrite" in shown and "anna.png" in shown
    assert builders.files(out) == before

    assert embed(embedded.photo, "--out", out, *other, "--overwrite") == 0
    code, _ = codes.load(out / "anna")
    assert {name: x.shape for name, x in code.items()} == {"w": (512,)}
    assert [path.name for path in out.iterdir()] == ["anna"]


def test_another_photograph_of_that_name_is_refused(embedded, tmp_path, capsys):
    photo = builders.square_photo(tmp_path / "anna.png", seed=2)
    before = builders.files(embedded.folder)
    assert embed(photo, "--out", embedded.folder.parent) == 1
    assert "--overwrite" in capsys.readouterr().err
    assert builders.files(embedded.folder) == before


def test_a_folder_that_cannot_be_made_is_an_error(embedded, tmp_path, capsys):
    (tmp_path / "file").write_text("a file, not a folder")
    assert embed(embedded.photo, "--out", tmp_path / "file" / "out") == 1
    shown = capsys.readouterr().err
    assert "cannot write to" in shown and "choose another folder" in shown
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX permissions")
@pytest.mark.parametrize("inside", [".", "out"])
def test_a_read_only_folder_is_an_error_and_stays_empty(
    embedded, read_only_folder, capsys, inside
):
    assert embed(embedded.photo, "--out", read_only_folder / inside) == 1
    shown = capsys.readouterr().err
    assert "Permission denied" in shown and "choose another folder" in shown
    assert shown.count("\n") == 1
    assert not list(read_only_folder.iterdir())


@pytest.mark.parametrize(
    "overrides, message",
    [
        (("--config.stages[0].step_size=1e30",), "not finite in step"),
        (
            (
                "--config.stages[0].num_steps=1",
                "--config.stages[1].num_steps=1",
                "--config.stages[1].step_size=1e38",
            ),
            "the last step",
        ),
        (("--config.energy.pixel=nan",), "not finite in step 0"),
    ],
)
def test_an_energy_that_is_not_finite_is_an_error(
    embedded, tmp_path, capsys, overrides, message
):
    assert embed(embedded.photo, "--out", tmp_path / "out", *overrides) == 1
    shown = capsys.readouterr().err
    assert message in shown and "step_size" in shown
    assert "Traceback" not in shown
    assert not list(tmp_path.rglob("*.png"))
    assert not list(tmp_path.rglob("metrics.json"))


@pytest.mark.parametrize(
    "override, message",
    [
        ("generator=stylegan9", "config.generator is 'stylegan9'"),
        ("generator=", "config.generator is empty"),
        ("start=middle", "config.start is 'middle'"),
        ("energy.pixel=0", "no energy term"),
        ("stages[0].num_steps=0", "num_steps is 0"),
        ("stages[0].optimizer=adagrad", "optimizer is 'adagrad'"),
        ("stages[1].space=z", "space is 'z'"),
        ("batch_size=0", "batch_size is 0"),
        ("report_every=0", "report_every is 0"),
        ("checkpoint_every=-1", "checkpoint_every is -1"),
    ],
)
def test_values_without_meaning_are_errors(
    embedded, tmp_path, capsys, override, message
):
    assert embed(embedded.photo, "--out", tmp_path / "o", f"--config.{override}") == 1
    shown = capsys.readouterr().err
    assert message in shown
    assert shown.splitlines()[-1].startswith("pie: ")
    assert not (tmp_path / "o").exists()


def test_nothing_is_traced_again_for_the_next_portrait(
    no_weights, tmp_path, monkeypatch
):
    traces = []
    choice = catalogue.GENERATORS["testing"]

    def counting():
        generator = choice.build()

        def synthesis(params, w_plus):
            traces.append(w_plus.shape)
            return generator.synthesis(params, w_plus)

        return generator._replace(synthesis=synthesis)

    counted = choice._replace(build=counting)
    monkeypatch.setitem(catalogue.GENERATORS, "testing", counted)
    photos = [builders.square_photo(tmp_path / f"{i}.png", seed=i) for i in range(3)]
    assert embed(photos[0], "--out", tmp_path / "one") == 0
    for_one = len(traces)
    traces.clear()
    assert embed(*photos[1:], "--out", tmp_path / "two") == 0
    assert len(traces) == for_one > 0
