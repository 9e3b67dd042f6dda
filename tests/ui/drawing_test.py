import asyncio
import threading
import time
from types import SimpleNamespace

import pytest

from pie_jax.core.errors import PieError
from pie_jax.ui.drawing import Drawing, Pace, Wish
from pie_jax.ui.studio import Picture, Studio
from pie_jax.workflows.shoot import Options
from pie_jax.workflows.watch import Step
from tests.ui.history_test import turned

OPTIONS = Options(refine=3)


class Slow:
    """A portrait whose pictures are words and take their time."""

    def __init__(self, seconds=0.05):
        self.seconds, self.made, self.threads = seconds, [], set()

    def live(self, request, *, small):
        return self._made(request, "small" if small else "full")

    def shoot(self, request, options, watch):
        for done in range(options.refine):
            watch(Step(done, options.refine))
            time.sleep(self.seconds)
        if request == turned(13):
            raise PieError("thirteen is refused")
        return self._made(request, f"refined {options.refine}")

    def _made(self, request, kind):
        self.threads.add(threading.get_ident())
        time.sleep(self.seconds)
        self.made.append((float(request.amounts["yaw"].value), kind))
        return Picture(kind, 8, None, None)


def draw(hand, tmp_path, slow=None):
    """What a hand sees, what was drawn for it, and what it is told."""
    slow, shown, told = slow or Slow(), [], []

    async def run():
        async def show(picture):
            degrees = float(picture.wish.request.amounts["yaw"].value)
            shown.append((degrees, picture.picture.url))
            assert picture.seconds > 0

        studio = Studio(tmp_path)
        drawing = Drawing(studio, slow, show, lambda *words: told.append(words))
        task = asyncio.create_task(drawing.run())
        await hand(drawing)
        task.cancel()

    asyncio.run(run())
    return SimpleNamespace(shown=shown, made=slow.made, told=told, slow=slow)


def wish(degrees, last):
    return Wish(turned(degrees), OPTIONS, last)


def test_a_hand_that_rests_sees_better_and_better_pictures(tmp_path):
    async def hand(drawing):
        drawing.want(wish(5, Pace.REFINED))
        await asyncio.sleep(0.8)

    seen = draw(hand, tmp_path)
    kinds = ["full", "refined 0", "refined 3"]
    assert seen.shown == seen.made == [(5, kind) for kind in kinds]
    assert ("progress", "refined 0 of 3") in seen.told
    assert len(seen.slow.threads) == 1


def test_pictures_that_come_too_late_are_not_drawn(tmp_path):
    async def hand(drawing):
        for degrees in range(50):
            drawing.want(wish(degrees, Pace.MOVING))
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)

    seen = draw(hand, tmp_path)
    degrees = [x for x, _ in seen.shown]
    assert 5 <= len(degrees) <= 20 and degrees == sorted(degrees)
    assert degrees[-1] == 49


def test_another_wish_ends_a_refinement_at_once(tmp_path):
    async def hand(drawing):
        drawing.want(wish(5, Pace.REFINED))
        await asyncio.sleep(0.7)  # in the first refinement
        drawing.want(wish(6, Pace.MOVING))
        await asyncio.sleep(0.5)

    seen = draw(hand, tmp_path, Slow(0.2))
    assert (5, "refined 3") not in seen.made
    assert seen.shown[-1] == (6, "small")


def test_what_cannot_be_drawn_is_told_and_the_next_wish_is_drawn(tmp_path):
    async def hand(drawing):
        for _ in range(2):
            drawing.want(wish(13, Pace.SHOT))
            await asyncio.sleep(0.3)
        drawing.want(wish(14, Pace.SHOT))
        await asyncio.sleep(0.3)

    seen = draw(hand, tmp_path)
    assert seen.told.count(("problem", "thirteen is refused")) == 2
    assert seen.shown[-1] == (14, "refined 0")


@pytest.mark.parametrize("last", [Pace.MOVING, Pace.FULL])
def test_the_same_wish_again_is_not_drawn_again(tmp_path, last):
    async def hand(drawing):
        for _ in range(2):
            drawing.want(wish(3, last))
            await asyncio.sleep(0.2)

    assert len(draw(hand, tmp_path).shown) == 1


def test_a_closed_tab_draws_no_more(tmp_path):
    async def hand(drawing):
        drawing.want(wish(5, Pace.REFINED))
        await asyncio.sleep(0.5)  # in the first refinement; then it is cancelled

    slow = Slow(0.2)
    draw(hand, tmp_path, slow)
    time.sleep(0.8)
    assert (5, "refined 3") not in slow.made


def test_a_refinement_gives_way_to_another_tab_s_hand_and_begins_again(tmp_path):
    slow, other, shown = Slow(0.1), Slow(0.02), []

    async def run():
        async def show(picture):
            shown.append(picture.picture.url)

        studio = Studio(tmp_path)
        patient = Drawing(studio, slow, show, lambda *_: None)
        hasty = Drawing(studio, other, show, lambda *_: None)
        tasks = [asyncio.create_task(x.run()) for x in (patient, hasty)]
        patient.want(wish(5, Pace.REFINED))
        await asyncio.sleep(0.35)  # in the refinement, of 0.3 seconds
        hasty.want(wish(6, Pace.MOVING))
        await asyncio.sleep(1.0)
        for task in tasks:
            task.cancel()

    asyncio.run(run())
    assert shown.index("small") < shown.index("refined 3")
