from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.cli import main
from pie_jax.core.errors import PieError
from pie_jax.core.theta import neutral
from pie_jax.editing.targets import Amount
from pie_jax.face import morphable
from pie_jax.workflows import requests
from tests.editing.edit_test import some_target
from tests.editing.targets_test import model  # noqa: F401 (a fixture)


def ask(expression=None, light=None, photos=None, raw=None, **angles):
    return requests.request(angles, expression, light, photos or {}, raw)


def test_words_of_numbers_expressions_and_light_are_read_and_give_names():
    asked = ask(yaw="20", pitch="+=-5.5", roll=None)
    assert asked.amounts == {"yaw": Amount(20.0), "pitch": Amount(-5.5, added=True)}
    assert asked.components() == ("rotation",)
    assert ask(roll="10").components() == ()
    photos = {"expression": Path("a.jpg"), "rotation": None}
    assert ask(photos=photos).components() == ("expression",)

    asked = ask("neutral, smile=0.7,jawOpen+=0.2", "azimuth=40,colour=#ff8000")
    assert asked.neutral
    assert asked.colour == (1.0, 128 / 255, 0.0)
    assert asked.amounts == {
        "smile": Amount(0.7),
        "jawOpen": Amount(0.2, added=True),
        "azimuth": Amount(40.0),
    }
    assert asked.components() == ("expression", "illumination")
    assert ask(light="color=#102030").components() == ("illumination",)

    swept = requests.sweep("yaw=-30:30:7")
    assert swept.name == "yaw"
    values = [amount.value for amount in swept.amounts]
    assert values == [-30, -20, -10, 0, 10, 20, 30]
    added = requests.sweep("smile+=0:0.5:2").amounts
    assert added == (Amount(0.0, added=True), Amount(0.5, added=True))

    asked = ask("smile=0.7", "colour=#ff8000", yaw="20", pitch="+=-5")
    assert requests.label(asked, None) == "yaw20_pitch+-5_smile0.7_colourff8000"
    swept = requests.sweep("yaw=-30:30:7")
    assert requests.label(ask(), swept) == "sweep-yaw-30to30x7"
    photos = {"rotation": Path("in/a.jpg")}
    assert requests.label(ask(photos=photos), None) == "rotation-from-a"


@pytest.mark.parametrize(
    "words, message",
    [
        ({"yaw": "left"}, "--yaw: 'left' is no number"),
        ({"yaw": "nan"}, "is no number"),
        ({"yaw": "1e9"}, "is no number"),
        ({"expression": "smile"}, "is not NAME=NUMBER"),
        ({"expression": "smile=a lot"}, "--expression smile: 'a lot' is no number"),
        ({"expression": "yaw=3"}, "yaw is no expression"),
        ({"light": "brightness=2"}, "none of azimuth, elevation, strength"),
        ({"light": "colour=red"}, "not written as #RRGGBB"),
        ({"light": "colour=#000000"}, "is black"),
        *[(x, "--sweep") for x in ("yaw", "yaw=1:2", "yaw=1:2:1", "yaw=1:2:999")],
    ],
)
def test_what_cannot_be_read_is_told(words, message):
    with pytest.raises(PieError, match=message):
        requests.sweep(words) if isinstance(words, str) else ask(**words)


def test_targets_change_what_is_asked_for_only_and_may_be_neutral(model):  # noqa: F811
    own = some_target(1)
    target = requests.target(ask(yaw="20"), model, own, {})
    expected = own.rotation.at[:, 1].set(np.radians(20))
    np.testing.assert_allclose(target.rotation, expected, atol=1e-6)
    same = requests.target(ask(roll="5"), model, own, {})
    for name in ("rotation", "expression", "illumination", "identity"):
        np.testing.assert_array_equal(getattr(same, name), getattr(own, name))
    target = requests.target(ask("neutral,smile=0.5"), model, own, {})
    amounts = morphable.named_expression(model, target.expression[0])
    np.testing.assert_allclose(amounts, [0.5, 0.5, 0], atol=1e-3)


def test_coefficients_by_number_are_set_or_added_after_all_else(model):  # noqa: F811
    asked = ask("jawOpen=0.3", raw={"beta": "7=0.5, 63+=-1", "sh": "0=0.25"})
    assert asked.components() == ("expression", "illumination")
    assert requests.label(asked, None) == "jawOpen0.3_beta70.5_beta63+-1_sh00.25"
    requests.check_names(model, asked.amounts)
    own = some_target(2)
    plain = requests.target(ask("jawOpen=0.3"), model, own, {})
    found = requests.target(asked, model, own, {})
    expression = np.array(plain.expression)
    expression[:, 7], expression[:, 63] = 0.5, expression[:, 63] - 1
    np.testing.assert_allclose(found.expression, expression, rtol=1e-6)
    lit = np.array(own.illumination)
    lit[:, 0] = 0.25
    np.testing.assert_allclose(found.illumination, lit, rtol=1e-6)
    swept = requests.sweep("sh26=-1:1:3")
    assert requests.component_of(swept.name) == "illumination"
    for raw in ({"beta": "64=1"}, {"sh": "27=1"}, {"sh": "first=1"}):
        with pytest.raises(PieError, match="is no number of a coefficient, 0 to"):
            ask(raw=raw)
    with pytest.raises(PieError, match="no expression 'beta64'"):
        requests.check_names(model, {"beta64": Amount(1.0)})


def test_amounts_change_what_photographs_give(model):  # noqa: F811
    own = some_target(1)
    source = neutral().replace(rotation=jnp.asarray([0.1, 0.2, 0.3]))
    photos = {"rotation": Path("a.jpg"), "expression": Path("a.jpg")}
    asked = ask("jawOpen=0.4", photos=photos, pitch="+=10")
    given = {"rotation": source, "expression": source}
    target = requests.target(asked, model, own, given)
    pitch = 0.1 + np.radians(10)
    np.testing.assert_allclose(target.rotation, [[pitch, 0.2, 0.3]], atol=1e-6)
    amounts = morphable.named_expression(model, target.expression[0])
    np.testing.assert_allclose(amounts, [0, 0, 0.4], atol=1e-3)
    np.testing.assert_array_equal(target.illumination, own.illumination)


def test_an_unknown_expression_is_told_with_those_that_exist(model):  # noqa: F811
    with pytest.raises(PieError, match="no expression 'grin'.*jawOpen.*smile"):
        requests.check_names(model, ask("grin=1").amounts)
    requests.check_names(model, ask("smile=1", yaw="3").amounts)


@pytest.mark.parametrize(
    "asked",
    [
        ask(),
        ask(yaw="-20", pitch="+=-5.5", roll="3"),
        ask("neutral,smile=0.7,jawOpen+=0.2", "azimuth=40,colour=#ff8000"),
        ask(raw={"beta": "7=0.5,63+=-1", "sh": "0=0.25"}),
        ask(photos={"illumination": Path("a b.jpg"), "rotation": Path("-c.png")}),
    ],
)
def test_a_request_is_written_as_the_options_that_it_is_read_from(asked):
    parser = main.parser()
    found = parser.parse_args(["edit", "embedded/anna", *requests.as_options(asked)])
    kinds = {"rotation": "pose", "expression": "expression", "illumination": "light"}
    photos = {k: getattr(found, f"{kind}_from") for k, kind in kinds.items()}
    angles = {name: getattr(found, name) for name in requests.ANGLES}
    raw = {"beta": found.beta, "sh": found.sh}
    again = requests.request(angles, found.expression, found.light, photos, raw)
    assert again == asked


def test_a_long_request_has_a_name_of_its_own_that_a_disk_takes():
    names = ",".join(f"{i}=0.5" for i in range(64))
    long, other = (
        requests.label(ask(raw={"beta": x}), None) for x in (names, f"{names},0=1")
    )
    assert long != other and max(len(long), len(other)) < 120
