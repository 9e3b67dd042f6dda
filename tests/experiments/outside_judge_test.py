import base64
import json

import numpy as np
import pytest
from PIL import Image

from experiments import outside_judge
from pie_jax.core.errors import PieError
from pie_jax.photos import faces


def text(value):
    return {"s": base64.b64encode(value.encode()).decode()}


def test_a_network_of_tensorflow_js_is_evaluated(tmp_path):
    random = np.random.default_rng(0)
    arrays = {
        "depthwise": random.normal(size=(1, 1, 3, 2)).astype(np.float16),
        "pointwise": random.normal(size=(1, 1, 6, 4)).astype(np.float32),
        "six": np.float32(6),
        "axes": np.int32([1, 2]),
        "kernel": random.normal(size=(4, 5)).astype(np.float32),
        "bias": random.normal(size=5).astype(np.float32),
    }
    strided = {"padding": text("SAME"), "strides": {"list": {"i": [1, 2, 2, 1]}}}
    plain = {"padding": text("VALID"), "strides": {"list": {"i": [1, 1, 1, 1]}}}
    fused = {"fused_ops": {"list": {"s": [text("BiasAdd")["s"]]}}}
    nodes = [
        {"name": "photo", "op": "Placeholder", "attr": {}},
        *({"name": name, "op": "Const", "attr": {}} for name in arrays),
        *(
            {"name": name, "op": op, "input": inputs.split(), "attr": attributes}
            for name, op, inputs, attributes in (
                ("a", "DepthwiseConv2dNative", "photo depthwise", strided),
                ("b", "Conv2D", "a:0 pointwise", plain),
                ("c", "Relu", "b", {}),
                ("d", "Minimum", "c six", {}),
                ("e", "Mean", "d axes", {}),
                ("f", "_FusedMatMul", "e kernel bias", fused),
                ("shares", "Softmax", "f", {}),
            )
        ),
    ]
    weights = [
        {"name": k, "shape": x.shape, "dtype": str(x.dtype)} for k, x in arrays.items()
    ]
    weights[0] |= {"dtype": "float32", "quantization": {"dtype": "float16"}}
    data = b"".join(x.tobytes() for x in arrays.values())
    (tmp_path / "net.1").write_bytes(data[:50])
    (tmp_path / "net.2").write_bytes(data[50:])
    model = {
        "modelTopology": {"node": nodes},
        "weightsManifest": [{"paths": ["net.1", "net.2"], "weights": weights}],
    }
    (tmp_path / "net.json").write_text(json.dumps(model))
    photo = random.normal(size=(2, 4, 6, 3)).astype(np.float32)

    found = outside_judge.graph(tmp_path / "net.json", "shares")(photo)

    depthwise = np.float32(arrays["depthwise"])[0, 0]
    x = (photo[:, ::2, ::2, :, None] * depthwise).reshape(2, 2, 3, 6)
    x = np.clip(x @ arrays["pointwise"][0, 0], 0, 6).mean((1, 2))
    x = np.exp(x @ arrays["kernel"] + arrays["bias"])
    expected = x / x.sum(-1, keepdims=True)
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_the_recogniser_sees_eyes_nose_and_mouth_where_it_was_taught_to():
    landmarks = np.zeros((68, 2))
    turned = np.array(outside_judge._CHIP) @ [[3.0, 1.0], [-1.0, 3.0]] + [200.0, 100.0]
    landmarks[36:42], landmarks[42:48] = turned[0], turned[1]
    landmarks[36] += (4, -2)
    landmarks[39] -= (4, -2)
    landmarks[[30, 48, 54]] = turned[2:]
    points = outside_judge.five(landmarks)
    np.testing.assert_allclose(points, turned)

    across, down = np.meshgrid(np.arange(640), np.arange(640))
    for x, y in turned:
        spot = 255 * np.exp(-((across - x) ** 2 + (down - y) ** 2) / 2 / 6**2)
        picture = np.repeat(spot[..., None], 3, axis=-1).astype(np.uint8)
        seen = outside_judge.chip(picture, points)[..., 0].astype(float)
        found = [(seen.sum(i) @ np.arange(112)) / seen.sum() for i in (0, 1)]
        expected = outside_judge._CHIP[np.abs(turned - (x, y)).sum(1).argmin()]
        np.testing.assert_allclose(found, expected, atol=0.5)


def test_the_head_reaches_beyond_the_box_by_a_fifth():
    picture = np.zeros((500, 500, 3), np.uint8)
    picture[60:340, 110:390] = 200
    head = outside_judge.headshot(picture, faces.Box(150, 100, 349, 299))
    assert head.shape == (224, 224, 3)
    assert head[2:-2, 2:-2].min() == 200
    assert outside_judge.headshot(picture, faces.Box(140, 90, 359, 309))[0].max() == 0


def test_the_age_is_the_mean_of_the_shares_of_the_head_and_its_mirror(monkeypatch):
    def ages(heads):
        np.testing.assert_array_equal(heads[0], heads[1][:, ::-1])
        shares = np.zeros((2, 100))
        shares[0, 30] = shares[1, 40] = 1
        return shares

    monkeypatch.setattr(outside_judge, "_ages", lambda: ages)
    head = np.random.default_rng(0).integers(0, 256, (224, 224, 3), np.uint8)
    assert outside_judge._aged(head) == 35.5


def test_a_line_for_each_picture(tmp_path, monkeypatch, capsys):
    def judge(picture):
        value = picture[0, 0, 0] / 100
        return np.array([value, np.sqrt(1 - value**2)]), 50 * value

    for name, value in (("photo", 100), ("edit", 60), ("wall", 0)):
        Image.new("RGB", (8, 8), (value,) * 3).save(tmp_path / f"{name}.png")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(outside_judge, "judge", judge)
    monkeypatch.setattr(outside_judge.faces, "detect", lambda x: [1] if x.any() else [])
    command = ["outside_judge", "--photo", "photo.png", "edit.png", "wall.png"]
    monkeypatch.setattr("sys.argv", command)
    outside_judge.main()
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["cosine", "age", "picture"],
        ["1.000", "50.0", "photo.png"],
        ["0.600", "30.0", "edit.png"],
        ["no", "face", "wall.png"],
    ]


def test_what_is_missing_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    with pytest.raises(PieError, match=r"MobileFaceNet\.tflite is missing; see --help"):
        outside_judge._recogniser.__wrapped__()
    with pytest.raises(PieError, match=r"faceres\.json is missing; see --help"):
        outside_judge._ages.__wrapped__()
