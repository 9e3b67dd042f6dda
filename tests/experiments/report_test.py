import json

import numpy as np
from PIL import Image

from experiments import report


def result(folder, psnr, distance, grey):
    folder.mkdir()
    metrics = {
        "psnr": psnr,
        "ssim": 0.5,
        "recognition_distance": distance,
        "iterations": 7,
        "seconds": 61.4,
    }
    (folder / "metrics.json").write_text(json.dumps(metrics))
    for name, value in (("aligned", grey), ("projection", grey + 50)):
        pixels = np.full((64, 64, 3), value, np.uint8)
        Image.fromarray(pixels).save(folder / f"{name}.png")
    return folder


def test_the_table_has_a_line_per_portrait_and_the_means(tmp_path):
    folders = [
        result(tmp_path / "anna", 20.0, 0.1, 0),
        result(tmp_path / "bert", 30.0, 0.3, 9),
    ]
    lines = report.table(folders).splitlines()
    assert lines[2:] == [
        "| anna | 20.00 | 0.500 | 0.100 | 7 | 61 |",
        "| bert | 30.00 | 0.500 | 0.300 | 7 | 61 |",
        "| mean | 25.00 | 0.500 | 0.200 | | |",
    ]


def test_a_projection_without_a_face_is_said_and_not_averaged(tmp_path):
    folders = [
        result(tmp_path / "anna", 20.0, None, 0),
        result(tmp_path / "bert", 30.0, 0.3, 9),
    ]
    lines = report.table(folders).splitlines()
    assert "no face found" in lines[2] and "no face found" in lines[-1]


def test_the_sheet_shows_photographs_above_projections(tmp_path):
    folders = [
        result(tmp_path / "anna", 20.0, 0.1, 10),
        result(tmp_path / "bert", 20.0, 0.1, 20),
    ]
    picture = np.asarray(report.sheet(folders))
    tile = report.TILE
    assert picture.shape == (2 * tile, 2 * tile, 3)
    corners = picture[tile // 2 :: tile, tile // 2 :: tile, 0]
    assert corners.tolist() == [[10, 20], [60, 70]]
