from pie_jax.editing.targets import Amount
from pie_jax.ui.history import NOTHING, History
from pie_jax.workflows.requests import Request


def turned(degrees):
    return Request({"yaw": Amount(float(degrees))})


def test_a_hand_that_moves_makes_one_step_when_it_rests():
    history = History()
    for degrees in (1, 2, 3):
        history = history.move(turned(degrees))
        assert history.shown == turned(degrees) and not history.undoable
    history = history.rest()
    assert history.steps == (NOTHING, turned(3)) and history.moving is None
    assert history.rest() == history == history.rest(turned(3))


def test_undo_and_redo_lead_back_and_forth_and_a_new_step_forgets_what_was_undone():
    history = History().rest(turned(1)).rest(turned(2))
    assert history.undoable and not history.redoable
    back = history.undo().undo()
    assert back.shown == NOTHING and back.redoable and not back.undoable
    assert back.undo() == back and history.redo() == history
    assert back.redo().redo() == history
    other = history.undo().rest(turned(9))
    assert other.steps == (NOTHING, turned(1), turned(9)) and not other.redoable
    assert history.go(0).shown == NOTHING and history.go(99).place == 2
    assert history.move(turned(7)).undo() == history
