import json
import sys

import numpy as np
import pytest
from PIL import Image

from experiments import report


@pytest.fixture
def results(tmp_path):
    def write(name, psnr, distance, grey):
        folder = tmp_path / name
        folder.mkdir()
        metrics = {
            "psnr": psnr,
            "ssim": 0.5,
            "recognition_distance": distance,
            "iterations": 7,
            "seconds": 61.4,
        }
        (folder / "metrics.json").write_text(json.dumps(metrics))
        for file, value in (("aligned", grey), ("projection", grey + 50)):
            pixels = np.full((64, 64, 3), value, np.uint8)
            Image.fromarray(pixels).save(folder / f"{file}.png")
        return folder

    return write


@pytest.mark.parametrize(
    ("distance", "said", "mean"),
    [(0.1, "0.100", "0.200"), (None, "no face found", "no face found")],
)
def test_the_table_has_a_line_per_portrait_and_the_means(results, distance, said, mean):
    folders = [results("anna", 20.0, distance, 0), results("bert", 30.0, 0.3, 9)]
    assert report.table(folders).splitlines()[2:] == [
        f"| anna | 20.00 | 0.500 | {said} | 7 | 61 |",
        "| bert | 30.00 | 0.500 | 0.300 | 7 | 61 |",
        f"| mean | 25.00 | 0.500 | {mean} | | |",
    ]


def test_the_sheet_shows_photographs_above_projections(results, tmp_path, monkeypatch):
    for name, grey in (("anna", 10), ("bert", 20), ("cleo", 30)):
        results(name, 20.0, 0.1, grey)
    file = tmp_path / "sheet.png"
    words = ["report", str(tmp_path), "--sheet", str(file), "--only", "anna", "bert"]
    monkeypatch.setattr(sys, "argv", words)
    report.main()
    tile = report.TILE
    picture = np.asarray(Image.open(file))
    assert picture.shape == (2 * tile, 2 * tile, 3)
    corners = picture[tile // 2 :: tile, tile // 2 :: tile, 0]
    assert corners.tolist() == [[10, 20], [60, 70]]
