import subprocess
import sys

import pytest

from pie_jax.cli import align, embed, main
from pie_jax.core.errors import PieError
from tests import builders

NAMES = [
    "align",
    "embed",
    "edit",
    "sheet",
    "synthesize",
    "fit",
    "export",
    "weights",
    "convert",
    "demo",
]


@pytest.mark.parametrize("name", NAMES)
def test_the_help_of_every_command_shows_examples(name, capsys):
    with pytest.raises(SystemExit, match="0"):
        builders.pie(name, "--help")
    shown = capsys.readouterr().out
    assert shown.startswith(f"usage: pie {name}")
    assert f"examples:\n  pie {name}" in shown


def test_the_top_help_names_every_command(capsys):
    with pytest.raises(SystemExit, match="0"):
        builders.pie("--help")
    shown = capsys.readouterr().out
    assert all(f"\n    {name}" in shown for name in NAMES)
    assert "pie demo" in shown and len(NAMES) == len(main.COMMANDS)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "paint",
        "align face.jpg --out face.png --frobnicate",
        "align face.jpg --out face.png --config.batch_size=2",
        "embed face.jpg --out out --frobnicate=3",
        "embed face.jpg",
        "synthesize code --out a.png --frobnicate",
        "weights --list --verify",
        "convert stylegan2 --out a.safetensors",
        "export embedded/face",
        "fit face.jpg",
        "demo --out a b",
    ],
)
def test_wrong_usage_exits_with_2_and_says_how_it_is_used(line, capsys):
    with pytest.raises(SystemExit) as status:
        builders.pie(*line.split())
    assert status.value.code == 2
    assert "usage: pie" in capsys.readouterr().err


def test_an_error_is_one_line_without_a_traceback(tmp_path, capsys):
    words = ("align", tmp_path / "absent.jpg", "--out", tmp_path / "face.png")
    assert builders.pie(*words) == 1
    shown = capsys.readouterr()
    assert shown.out == "" and shown.err.count("\n") == 1
    assert shown.err.startswith("pie: ") and "absent.jpg" in shown.err


@pytest.mark.parametrize("position", range(5))
def test_debug_raises_the_error_wherever_it_stands(tmp_path, position):
    words = ["align", tmp_path / "absent.jpg", "--out", tmp_path / "face.png"]
    words.insert(position, "--debug")
    with pytest.raises(PieError, match=r"absent\.jpg"):
        builders.pie(*words)


def test_overrides_reach_the_command_wherever_they_stand(monkeypatch):
    seen = []
    monkeypatch.setattr(embed, "run", lambda args: seen.append(args.overrides) or 0)
    overrides = ["--config.batch_size=2", "--config.stages[0].num_steps=3"]
    assert builders.pie("embed", "a.jpg", *overrides, "--out", "out") == 0
    assert builders.pie("embed", *overrides, "--out", "out", "a.jpg") == 0
    assert builders.pie("embed", "--out", "out", "a.jpg") == 0
    assert seen == [overrides, overrides, []]


@pytest.mark.parametrize(
    "raised, status, message, lines",
    [
        (KeyboardInterrupt, 130, "pie: interrupted; the same command goes on", 1),
        (PermissionError(13, "Permission denied", "a.jpg"), 1, "denied: 'a.jpg'\n", 1),
        (RuntimeError("Out of memory"), 1, "pie: memory ran out (Out of memory): ", 1),
        (MemoryError(), 1, "pie: memory ran out (MemoryError): close other", 1),
        (
            RuntimeError("no such\nthing"),
            1,
            "pie: RuntimeError: no such; --debug sh",
            1,
        ),
    ],
)
def test_what_the_system_reports_shows_no_traceback(
    monkeypatch, capsys, raised, status, message, lines
):
    def interrupted(args):
        raise raised

    monkeypatch.setattr(align, "run", interrupted)
    words = ("align", "a.jpg", "--out", "b.png")
    assert builders.pie(*words) == status
    shown = capsys.readouterr().err
    assert message in shown
    assert shown.count("\n") == lines
    if isinstance(raised, RuntimeError):
        with pytest.raises(RuntimeError):
            builders.pie(*words, "--debug")


HELP_WITHOUT_LIBRARIES = """
import sys
from pie_jax.cli import main
try:
    main.main(["--help"])
finally:
    slow = {"jax", "flax", "optax", "orbax", "dlib", "matplotlib", "skimage", "onnx"}
    print("imported:", sorted(slow & set(sys.modules)))
"""


def test_the_help_imports_no_slow_library():
    run = subprocess.run(
        [sys.executable, "-c", HELP_WITHOUT_LIBRARIES],
        check=True,
        capture_output=True,
        text=True,
    )
    assert run.stdout.splitlines()[-1] == "imported: []"
    assert run.stdout.startswith("usage: pie")
