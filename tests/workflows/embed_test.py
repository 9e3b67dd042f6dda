import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from jax.image import resize
from PIL import Image

from pie_jax.io import codes, images
from pie_jax.photos import portraits
from pie_jax.stack import networks
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


def make_clara(place, *words):
    photo = builders.square_photo(place / "clara.png", seed=1)
    assert embed(photo, "--out", place / "alone", *words) == 0
    return photo, place / "alone" / "clara"


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


def test_bad_photographs_neither_shift_nor_stop_the_others(embedded, tmp_path, capsys):
    clara_photo, clara_alone = make_clara(tmp_path)
    bad = make_bad(tmp_path)
    out = tmp_path / "out"
    photos = [embedded.photo, *(tmp_path / name for name in bad), clara_photo]
    capsys.readouterr()
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

    # A batch gives portrait by portrait what single runs give.
    out = tmp_path / "batch"
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
        ends = (images.read(x / "projection.png") for x in (batched, alone))
        assert np.abs(np.subtract(*(x.astype(int) for x in ends))).max() <= 1


def test_photographs_of_one_name_are_refused_before_anything_is_done(tmp_path, capsys):
    (tmp_path / "other").mkdir()
    first = builders.square_photo(tmp_path / "anna.png")
    second = builders.square_photo(tmp_path / "other" / "anna.jpg", seed=1)
    assert embed(first, second, "--out", tmp_path / "out") == 1
    shown = capsys.readouterr().err
    assert str(first) in shown and str(second) in shown
    assert not (tmp_path / "out").exists()


def test_another_configuration_or_photograph_replaces_a_result_only_when_told(
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
    photo = builders.square_photo(tmp_path / "anna.png", seed=2)
    assert embed(photo, "--out", out, *short) == 1
    assert "--overwrite" in capsys.readouterr().err
    assert builders.files(out) == before

    assert embed(embedded.photo, "--out", out, *other, "--overwrite") == 0
    code, _ = codes.load(out / "anna")
    assert {name: x.shape for name, x in code.items()} == {"w": (512,)}
    assert [path.name for path in out.iterdir()] == ["anna"]


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
        (("stages[0].step_size=1e30",), "not finite in step"),
        (
            (
                "stages[0].num_steps=1",
                "stages[1].num_steps=1",
                "stages[1].step_size=1e38",
            ),
            "the last step",
        ),
        (("energy.pixel=nan",), "not finite in step 0"),
        (("generator=stylegan9",), "config.generator is 'stylegan9'"),
        (("generator=",), "config.generator is empty"),
        (("start=middle",), "config.start is 'middle'"),
        (("energy.pixel=0",), "no energy term"),
        (("stages[0].num_steps=0",), "num_steps is 0"),
        (("stages[1].space=z",), "space is 'z'"),
        (("batch_size=0",), "batch_size is 0"),
        (("report_every=0",), "report_every is 0"),
        (("checkpoint_every=-1",), "checkpoint_every is -1"),
    ],
)
def test_what_has_no_meaning_or_no_end_is_an_error_and_leaves_no_result(
    embedded, tmp_path, capsys, overrides, message
):
    words = [f"--config.{override}" for override in overrides]
    assert embed(embedded.photo, "--out", tmp_path / "out", *words) == 1
    shown = capsys.readouterr().err
    assert message in shown and "Traceback" not in shown
    assert shown.splitlines()[-1].startswith("pie: ")
    assert not list(tmp_path.iterdir())


def test_nothing_is_traced_again_for_the_next_portrait(tmp_path, monkeypatch):
    monkeypatch.setenv("PIE_JAX_CACHE", str(tmp_path / "cache"))  # without programs
    traces = []
    choice = networks.GENERATORS["testing"]

    def counting():
        generator = choice.build()

        def synthesis(params, w_plus):
            traces.append(w_plus.shape)
            return generator.synthesis(params, w_plus)

        return generator._replace(synthesis=synthesis)

    counted = choice._replace(build=counting)
    monkeypatch.setitem(networks.GENERATORS, "testing", counted)
    photos = [builders.square_photo(tmp_path / f"{i}.png", seed=i) for i in range(3)]
    assert embed(photos[0], "--out", tmp_path / "one") == 0
    for_one = len(traces)
    traces.clear()
    assert embed(*photos[1:], "--out", tmp_path / "two") == 0
    assert len(traces) <= for_one > 0


@pytest.mark.parametrize("where", ["load_aligned", "to_target"])
def test_trouble_of_whatever_class_is_one_photograph_s(
    embedded, tmp_path, monkeypatch, capsys, where
):
    """When it is read, and when it is embedded."""
    raised = [
        RuntimeError("Error opening zarr\nsource: tensorstore"),
        RecursionError("too deep"),
        OverflowError("cannot convert float infinity to integer"),
        UnicodeEncodeError("utf-8", "\udcf6", 0, 1, "surrogates not allowed"),
        MemoryError(),
        KeyError("quad"),
    ]
    photos = [builders.square_photo(tmp_path / f"{i}.png", i) for i in range(6)]
    function = getattr(portraits, where)
    left = list(raised)

    def failing(*words, **options):
        if left:
            raise left.pop(0)
        return function(*words, **options)

    monkeypatch.setattr(portraits, where, failing)
    assert embed(*photos, embedded.photo, "--out", tmp_path / "out") == 1
    shown = capsys.readouterr().err
    for photo, error in zip(photos, raised, strict=True):
        (line,) = (line for line in shown.splitlines() if f"pie: {photo}" in line)
        assert type(error).__name__ in line
        assert ("memory" in line) == isinstance(error, MemoryError)
    assert "6 of 7 photographs failed" in shown and "Traceback" not in shown
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["anna"]
    assert results(tmp_path / "out" / "anna") == results(embedded.folder)

    left = [KeyboardInterrupt()]
    assert embed(*photos, "--out", tmp_path / "stopped") == 130
    assert not (tmp_path / "stopped").exists()


@pytest.mark.parametrize("name", [b"J\xf6rg.png", b"photo[1].png", b"back\\slash*.png"])
def test_any_name_and_folder_will_do(embedded, odd_folder, capsys, name):
    photo = odd_folder / os.fsdecode(name)
    photo.write_bytes(embedded.photo.read_bytes())
    words = (photo, "--out", odd_folder / "o")
    assert embed(*words) == 0
    folder = odd_folder / "o" / photo.stem
    code, origin = codes.load(folder)
    assert origin["photo"] == photo.name
    np.testing.assert_array_equal(
        code["w_plus"], codes.load(embedded.folder)[0]["w_plus"]
    )
    assert builders.pie("export", folder, "--out", odd_folder / "x.npz") == 0
    capsys.readouterr()
    assert embed(*words) == 0
    assert "done already" in capsys.readouterr().out
    assert [path.name for path in (odd_folder / "o").iterdir()] == [photo.stem]


def test_a_photograph_is_named_twice_or_its_folder_cannot_be_named(
    embedded, tmp_path, capsys
):
    out = tmp_path / "out"
    assert embed(embedded.photo, embedded.photo, "--out", out) == 0
    assert results(out / "anna") == results(embedded.folder)
    odd = tmp_path / "...png"
    odd.write_bytes(embedded.photo.read_bytes())
    assert embed("--out", out / "new" / "out", "--", odd) == 1
    assert "no folder can be called .." in capsys.readouterr().err
    assert {path.name for path in out.iterdir()} == {"anna"}


def test_overwriting_replaces_what_is_done_too(embedded, tmp_path, capsys):
    out = tmp_path / "out"
    shutil.copytree(embedded.folder, out / "anna")
    for file in filter(Path.is_file, (out / "anna" / "code").rglob("*")):
        file.write_bytes(b"damaged")
    (out / "anna" / "aligned.png").unlink()
    assert embed(embedded.photo, "--out", out) == 0
    assert "done already" in capsys.readouterr().out
    assert embed(embedded.photo, "--out", out, "--overwrite") == 0
    assert "done already" not in capsys.readouterr().out
    assert results(out / "anna") == results(embedded.folder)


def test_a_full_disk_fails_each_portrait_with_a_file_s_name(
    embedded, tmp_path, small_files, capsys
):
    other = builders.square_photo(tmp_path / "other.png", seed=1)
    out = tmp_path / "out"
    with small_files(1500):
        assert embed(embedded.photo, other, "--out", out) == 1
    shown = capsys.readouterr().err
    for photo in (embedded.photo, other):
        (line,) = (line for line in shown.splitlines() if f"pie: {photo}" in line)
        assert f"{out}" in line and "cannot be written (" in line
        assert "File too large" in line and "has space left" in line
    assert "Traceback" not in shown and "ERROR" not in shown
    assert not out.exists()


@pytest.mark.parametrize("size", [8, 2048])  # powers of two are converted
def test_a_generator_of_any_size_is_embedded_and_edited(
    embedded, tmp_path, monkeypatch, installed, size
):
    choice = networks.GENERATORS["testing"]

    def build():
        generator = choice.build()

        def synthesis(params, w_plus):
            image = generator.synthesis(params, w_plus)
            return resize(image, (len(image), size, size, 3), "linear")

        return generator._replace(synthesis=synthesis, resolution=size)

    # Programs are kept by the generator's name, and this one only borrows it.
    cache = shutil.copytree(
        installed, tmp_path / "cache", ignore=shutil.ignore_patterns("programs", "xla")
    )
    monkeypatch.setenv("PIE_JAX_CACHE", str(cache))
    monkeypatch.setitem(networks.GENERATORS, "testing", choice._replace(build=build))
    short = ("--config.stages[0].num_steps=1", "--config.stages[1].num_steps=1")
    assert embed(embedded.photo, "--out", tmp_path, *short) == 0
    folder = tmp_path / "anna"
    assert images.read(folder / "projection.png").shape == (size, size, 3)
    metrics = json.loads((folder / "metrics.json").read_text())
    assert 5 < metrics["psnr"] < 40 and -1 < metrics["ssim"] < 1
    words = ("--yaw", "+=5", "--out", tmp_path / "edit", "--config", "testing")
    assert builders.pie("edit", folder, *words) == 0
    assert images.read(tmp_path / "edit" / "edited.png").shape == (size, size, 3)
