from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from pie_jax.io import animations, images, provenance

DESCRIPTION = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}Description"
KIND = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType"


@pytest.mark.parametrize(
    "partly, kind",
    [
        (False, "trainedAlgorithmicMedia"),
        (True, "compositeWithTrainedAlgorithmicMedia"),
    ],
)
def test_a_png_tells_people_and_programs(tmp_path, partly, kind):
    picture = np.zeros((4, 4, 3), np.uint8)
    path = tmp_path / "edited.png"
    images.write_png(path, picture, text=provenance.text(partly=partly))
    text = images.read_text(path)
    assert "Synthetic" in text["Description"]
    packet = text[images.XMP].partition("?>")[2].rpartition("<?")[0]
    found = ElementTree.fromstring(packet).find(f".//{DESCRIPTION}").get(KIND)
    assert found == f"http://cv.iptc.org/newscodes/digitalsourcetype/{kind}"
    np.testing.assert_array_equal(images.read(path), picture)


def test_a_gif_carries_the_comment(tmp_path):
    frames = np.random.default_rng(0).integers(0, 255, (2, 8, 8, 3), np.uint8)
    path = tmp_path / "sweep.gif"
    animations.write_gif(path, frames, 1.0, provenance.COMMENT)
    with Image.open(path) as image:
        assert image.info["comment"].decode() == provenance.COMMENT
