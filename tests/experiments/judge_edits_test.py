import numpy as np
import pytest

from experiments import judge_edits
from pie_jax.core.errors import PieError
from pie_jax.io import images
from pie_jax.workflows.edit_record import landmarks
from pie_jax.workflows.shoot import Options, shoot
from tests.workflows.conftest import opened  # noqa: F401 (a fixture)


def judge(picture_u8):
    """Whose face it is says the mean colour; of bright pictures it says nothing."""
    colour = picture_u8.mean(axis=(0, 1))
    if colour.mean() > 250:
        raise PieError("no face")
    return colour / np.linalg.norm(colour), float(colour.mean())


def test_edits_are_compared_with_the_photograph(opened):  # noqa: F811
    wanted = [judge_edits.poses()[0], judge_edits.expressions()[0]]
    options = Options(feedback=0)
    rows, sheet = judge_edits.judged(opened, wanted, options, judge)
    assert [row["edit"] for row in rows] == ["", "yaw -24 pitch -12", "jawOpen=0.5"]
    (shown,) = sheet
    assert len(shown) == 6 and not shown[4:].any()
    photo_u8 = images.to_u8(np.asarray(opened.photo))
    projection_u8 = images.to_u8(np.asarray(opened.before.image[0]))
    (one, old), (other, young) = judge(photo_u8), judge(projection_u8)
    assert rows[0]["cosine"] == pytest.approx(float(one @ other))
    assert rows[0]["years"] == pytest.approx(young - old)
    assert all(row["error"] > 0 for row in rows[1:])
    assert "landmarks" not in rows[1] and rows[2]["landmarks"] > 0


def test_beside_the_head_the_kept_background_does_not_differ(opened):  # noqa: F811
    _, request = judge_edits.poses()[0]
    target = opened.target(request)
    blank = opened._replace(
        shares=lambda *_: np.zeros_like(opened.own_shares),
        own_shares=np.zeros_like(opened.own_shares),
    )
    shots = [
        shoot(blank, request, target, Options(0, keep_background=keep))
        for keep in (True, False)
    ]
    kept, made = (judge_edits.beside(blank, shot) for shot in shots)
    assert kept < 0.01 < made
    everywhere = shots[0]._replace(head=np.ones((8, 8)))
    assert judge_edits.beside(blank, everywhere) == 0


def test_means_are_of_kinds_and_bars_have_their_own():
    rows = [
        {"edit": name, "cosine": cosine, "person": person}
        for name, cosine, person in (
            ("", 0.99, 0.1),
            ("yaw -24 pitch 0", 0.8, 0.2),
            ("yaw 16 pitch 12", 0.9, 0.4),
            ("yaw 0 pitch 12", None, None),
            ("jawOpen=0.5", 0.7, 0.3),
        )
    ]
    found = judge_edits.summary(rows)
    assert found["projection"]["cosine"] == 0.99
    assert found["poses"] == {
        "edits": 3,
        "cosine": pytest.approx(0.85),
        "lowest": 0.8,
        "person": pytest.approx(0.3),
        "recognition": pytest.approx(0.1),
    }
    assert found["yaw up to 16"]["edits"] == 2 and found["yaw from 20"]["lowest"] == 0.8
    assert found["jawOpen"]["person"] == 0.3


def test_slopes_are_of_turned_heads_only():
    rows = [
        {"edit": f"yaw {x} pitch 0", "requested": x, "mean_head": 0.5 * x + 3}
        for x in (-24, 0, 24)
    ]
    found = judge_edits.summary([*rows, {"edit": "jawOpen=0.5"}])
    assert found["poses"]["slope_mean_head"] == pytest.approx(0.5)
    assert "slope_own_head" not in found["poses"]
    assert "slope_mean_head" not in found["jawOpen"]


def test_heads_turn_as_pnp_sees_them_and_nowhere_without_a_face(opened, monkeypatch):  # noqa: F811
    pytest.importorskip("cv2")
    picture_u8 = images.to_u8(np.asarray(opened.photo))
    monkeypatch.setattr(judge_edits, "find_landmarks", lambda picture_u8: None)
    assert judge_edits.yaws(opened, picture_u8) == {}
    theta = opened.before.theta
    turned = theta.replace(rotation=theta.rotation.at[:, 1].set(np.radians(20)))
    points = np.asarray(landmarks(opened.model, turned)[0])
    monkeypatch.setattr(judge_edits, "find_landmarks", lambda picture_u8: points)
    assert judge_edits.yaws(opened, picture_u8)["own_head"] == pytest.approx(20, abs=1)
