"""The editor in a real browser, with toy networks: what hands do, and what comes of it."""

import hashlib
import json
import random
import shlex
import shutil
import time
from pathlib import Path

import pytest
from PIL import Image

from experiments import editor_clicks, editor_speed
from experiments.editor_server import browser, served
from experiments.editor_server import chromium as program
from pie_jax.cli import main
from pie_jax.workflows import edit, requests
from pie_jax.workflows.shoot import Options
from tests import toys

PICTURE = ".stage img"
_TOYS = """
import sys
from pathlib import Path
import pytest
from tests import toys
toys.install(Path(sys.argv[1]), pytest.MonkeyPatch())
from pie_jax.cli import main
sys.exit(main.main(sys.argv[2:]))
"""
SECONDS = 60_000
LONG_ENOUGH_TO_CANCEL = "--config.stages[0].num_steps=60"


@pytest.fixture(scope="module")
def folder(embedded, tmp_path_factory):
    place = tmp_path_factory.mktemp("ui") / "portraits"
    shutil.copytree(embedded.folder, place / "anna")
    return place


@pytest.fixture(scope="module")
def log(folder):
    return folder.parent / "log.txt"


@pytest.fixture(scope="module")
def address(folder, log, toy_cache):
    start = "-c", _TOYS, str(toy_cache)
    words = "--config", "testing", LONG_ENOUGH_TO_CANCEL
    with served(folder, log, *words, start=start) as server:
        yield server.address


def skip_without_browser():
    pytest.importorskip("playwright.sync_api", reason="Playwright drives the browser")
    if program() is None:
        pytest.skip("no chromium is installed (Debian: apt-get install chromium)")


@pytest.fixture(scope="module")
def chromium():
    skip_without_browser()
    with browser() as found:
        yield found


@pytest.fixture
def page(chromium, address):
    page = chromium.new_page(viewport={"width": 1280, "height": 800})
    page.set_default_timeout(SECONDS)
    page.problems = []
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.goto(address)
    yield page
    assert not page.problems
    page.close()


@pytest.fixture
def opened(page):
    page.get_by_label("Open anna", exact=True).click()
    page.wait_for_selector(f'{PICTURE}[src^="data:"]')
    wait_for(page, "as it was")
    return page


def wait_for(page, words):
    page.get_by_role("status").get_by_text(words).wait_for()


def tab(page, name):
    page.get_by_role("tab", name=name).click()
    page.wait_for_timeout(500)  # panels slide in


def picture(page):
    source = page.locator(PICTURE).first.get_attribute("src")
    return hashlib.sha256(source.encode()).hexdigest()


def wait_for_picture(page, expected):
    """The browser may still be loading the one before."""
    end = time.monotonic() + SECONDS / 1000
    while picture(page) != expected:
        assert time.monotonic() < end
        page.wait_for_timeout(50)


def drag(page, dx, dy, *, steps=10):
    box = page.locator(PICTURE).first.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + dx * box["width"], y + dy * box["height"], steps=steps)
    page.mouse.up()


def slide(page, name, key="ArrowRight", times=3):
    """By the keyboard."""
    slider = page.get_by_role("slider", name=name, exact=True).locator("visible=true")
    slider.locator("[tabindex]").focus()
    for _ in range(times):
        page.keyboard.press(key)
    return slider


def test_a_dragged_head_turns_and_undo_and_redo_lead_back_and_forth(opened):
    opened.get_by_role("switch", name="Refine").click()
    opened.wait_for_timeout(1000)
    before = picture(opened)
    drag(opened, 0.2, 0)
    wait_for(opened, "yaw")
    opened.wait_for_timeout(1000)
    after = picture(opened)
    assert after != before
    opened.get_by_label("Undo").click()
    wait_for(opened, "as it was")
    wait_for_picture(opened, before)
    opened.keyboard.press("y")
    wait_for(opened, "yaw")
    wait_for_picture(opened, after)
    opened.keyboard.press("Control+z")
    wait_for(opened, "as it was")


def test_a_hand_that_leaves_the_picture_still_holds_the_head(opened):
    drag(opened, 0.9, 0)
    wait_for(opened, "yaw 45")  # as far as it goes


def test_sliders_lights_and_presets_ask_for_what_they_say(opened):
    tab(opened, "Expression")
    opened.get_by_label("Search expressions").fill("jaw")
    slide(opened, "jawOpen")
    wait_for(opened, "jawOpen")
    tab(opened, "Light")
    sphere = opened.get_by_role("img", name="A sphere in the light")
    sphere.hover(position={"x": 100, "y": 64})
    opened.mouse.down()
    opened.mouse.move(*[100, 100])
    opened.mouse.up()
    wait_for(opened, "azimuth")
    tab(opened, "More")
    opened.get_by_role("button", name="Smile", exact=True).click()
    wait_for(opened, "smile 0.7")
    opened.get_by_label("All as it was").click()
    wait_for(opened, "as it was")


def test_keys_alone_turn_the_head_and_change_coefficients(opened):
    opened.locator(".stage [tabindex]").focus()
    opened.keyboard.press("ArrowRight")
    wait_for(opened, "yaw")
    opened.keyboard.press("]")
    opened.keyboard.press("=")
    wait_for(opened, "beta1")
    opened.keyboard.press("m")
    opened.keyboard.press("-")
    wait_for(opened, "sh0")
    opened.keyboard.press("?")
    opened.get_by_text("choose a coefficient").wait_for()
    opened.get_by_role("button", name="Close").click()
    opened.keyboard.press("w")
    opened.keyboard.press("c")
    opened.keyboard.press("r")
    wait_for(opened, "as it was")


def test_what_is_saved_is_what_python_makes_bit_for_bit(
    opened, folder, embedded, toy_cache, tmp_path
):
    opened.get_by_role("switch", name="Refine").click()
    drag(opened, -0.15, 0.1)
    wait_for(opened, "yaw")
    asked = opened.get_by_role("status").inner_text()
    tab(opened, "Save")
    with opened.expect_download() as download:
        opened.get_by_role("button", name="Save picture").click()
    saved = Path(download.value.path()).read_bytes()
    words = dict(part.split(" ") for part in asked.split(", "))
    with pytest.MonkeyPatch.context() as patch:
        toys.install(toy_cache, patch)
        request = requests.request(words, None, None, {})
        out = edit.edit_portrait(
            embedded.folder,
            request,
            None,
            Options(),
            out=tmp_path / "out",
            config="testing",
        )
        line = opened.get_by_text("pie edit ").inner_text()
        again = [*shlex.split(line)[1:], f"--out={tmp_path / 'again'}"]
        assert main.main(again) == 0
    assert (tmp_path / "again" / "edited.png").read_bytes() == saved
    assert (out / "edited.png").read_bytes() == saved
    assert b"Synthetic edit of a portrait" in saved
    (kept,) = [x for x in (folder / "anna" / "edits").iterdir()]
    assert json.loads((kept / "edit.json").read_text())["asked"].keys() == words.keys()
    with opened.expect_download() as download:
        opened.get_by_role("button", name="Code (.npz)").click()
    assert download.value.suggested_filename == "anna.npz"


def test_a_sweep_is_handed_over_as_gif_and_film(opened, folder):
    opened.get_by_role("switch", name="Refine").click()
    tab(opened, "Save")
    names = []
    opened.on("download", lambda download: names.append(download.suggested_filename))
    opened.get_by_role("button", name="Save sweep").click()
    wait_for(opened, "saved")
    opened.wait_for_timeout(2000)
    assert sorted(Path(x).suffix for x in names) == [".gif", ".mp4"]
    (kept,) = (folder / "anna" / "edits").glob("*sweep*")
    film = (kept / "sweep.mp4").read_bytes()
    assert b"Synthetic edit" in film and (kept / "strip.png").exists()


def test_a_photograph_is_uploaded_embedded_cancelled_and_resumed(page, folder):
    photo = folder.parent / "grace.jpg"
    shutil.copy(toys.PHOTO, photo)
    page.locator("input[type=file]").first.set_input_files(photo)
    page.get_by_label("Embed face 1").click()
    page.get_by_role("button", name="Cancel").click()
    page.get_by_text("stopped").or_(page.get_by_text("done")).first.wait_for()
    if page.get_by_role("button", name="Resume").is_visible():
        page.get_by_role("button", name="Resume").click()
    page.get_by_label("Open grace", exact=True).click()
    wait_for(page, "as it was")
    assert (folder / "grace" / "metrics.json").exists()


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.txt", b"words", "pictures of up to 64 MB"),
        ("a.png", b"no picture at all", "a.png"),
        ("a.png", b"", "empty"),
    ],
)
def test_what_is_no_photograph_is_told(page, name, content, says, tmp_path):
    (tmp_path / name).write_bytes(content)
    page.locator("input[type=file]").first.evaluate("x => x.removeAttribute('accept')")
    page.locator("input[type=file]").first.set_input_files(tmp_path / name)
    page.get_by_text(says).first.wait_for()


def test_a_photograph_without_a_face_is_told(page, tmp_path):
    from tests import builders

    builders.square_photo(tmp_path / "stones.png", seed=5)
    page.locator("input[type=file]").first.set_input_files(tmp_path / "stones.png")
    page.get_by_text("no face").first.wait_for()


def test_a_picture_of_too_many_pixels_is_told(page, tmp_path):
    Image.new("1", (12_000, 12_000)).save(tmp_path / "huge.png")  # 20 kB
    page.locator("input[type=file]").first.set_input_files(tmp_path / "huge.png")
    page.get_by_text("megapixels").first.wait_for()


def test_another_photograph_gives_its_pose(opened):
    tab(opened, "More")
    opened.locator("input[type=file]").last.set_input_files(toys.PHOTO)
    wait_for(opened, "rotation from")
    opened.get_by_role("button", name="Without").click()
    wait_for(opened, "as it was")


def test_two_tabs_have_their_own_edits(opened, chromium, address):
    other = chromium.new_page()
    other.set_default_timeout(SECONDS)
    other.goto(address)
    other.get_by_label("Open anna", exact=True).click()
    wait_for(other, "as it was")
    drag(opened, 0.2, 0)
    wait_for(opened, "yaw")
    wait_for(other, "as it was")
    other.close()


def test_screen_readers_find_names_for_all(opened):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    for name in ("Portraits", "Pose", "Expression", "Light", "More", "Save"):
        tab(opened, name)
        opened.wait_for_timeout(500)
        found = axe.Axe().run(opened).response["violations"]
        grave = [x for x in found if x["impact"] in ("serious", "critical")]
        assert not [(name, x["id"], x["nodes"][0]["html"]) for x in grave]


def test_a_phone_has_room_for_it_and_touch_turns_the_head(chromium, address):
    phone = {"width": 390, "height": 800}
    context = chromium.new_context(viewport=phone, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.set_default_timeout(SECONDS)
    page.goto(address)
    page.get_by_label("Open anna", exact=True).tap()
    wait_for(page, "as it was")
    assert page.evaluate("document.documentElement.scrollWidth") <= phone["width"]
    box = page.locator(PICTURE).first.bounding_box()
    touch = context.new_cdp_session(page)
    y = box["y"] + box["height"] / 2
    for kind, xs in {
        "touchStart": [0.4],
        "touchMove": [0.5, 0.6],
        "touchEnd": [0],
    }.items():
        for x in xs:
            points = [{"x": box["x"] + x * box["width"], "y": y}]
            touch.send(
                "Input.dispatchTouchEvent",
                {"type": kind, "touchPoints": [] if kind == "touchEnd" else points},
            )
    wait_for(page, "yaw")
    context.close()


def test_clicks_at_random_raise_nothing(opened, log):
    before = log.read_text().count("Traceback")
    assert editor_clicks.click(opened, random.Random(0), 20) > 20
    opened.keyboard.press("r")
    wait_for(opened, "as it was")
    assert log.read_text().count("Traceback") == before


def test_speed_is_counted_in_distinct_pictures(chromium, address):
    found = editor_speed.dragged(chromium, address, "anna", seconds=1, times=2)
    assert found.keys() == {"pictures_a_second", "latency_s"}
    assert found["pictures_a_second"] > 1 and 0 < found["latency_s"] < 2


def test_a_server_that_comes_back_has_lost_no_code(folder, toy_cache, chromium):
    """It is killed in mid-drag; the page then finds the next one."""
    start, log = ("-c", _TOYS, str(toy_cache)), folder.parent / "other.txt"
    words = ["--config", "testing"]
    before = (folder / "anna" / "metrics.json").read_bytes()
    page = chromium.new_page()
    page.set_default_timeout(SECONDS)
    with served(folder, log, *words, start=start) as server:
        address = server.address
        page.goto(address)
        page.get_by_label("Open anna", exact=True).click()
        wait_for(page, "as it was")
        box = page.locator(PICTURE).first.bounding_box()
        page.mouse.move(box["x"] + 100, box["y"] + 100)
        page.mouse.down()
        page.mouse.move(box["x"] + 200, box["y"] + 100)
    port = address.rstrip("/").rpartition(":")[2]
    with served(folder, log, "--port", port, *words, start=start):
        page.mouse.up()
        page.goto(address)
        page.get_by_label("Open anna", exact=True).click()
        wait_for(page, "as it was")
    assert (folder / "anna" / "metrics.json").read_bytes() == before
    page.close()


def test_a_full_disk_is_told_and_loses_no_code(opened, folder):
    edits = folder / "anna" / "edits"
    shutil.rmtree(edits, ignore_errors=True)
    edits.write_text("a file where a folder should be")
    opened.keyboard.press("f")
    drag(opened, 0.1, 0)
    wait_for(opened, "yaw")
    tab(opened, "Save")
    opened.get_by_role("button", name="Save picture").click()
    opened.get_by_text("cannot").first.wait_for()
    edits.unlink()
    assert (folder / "anna" / "code").is_dir()
