"""Tests of embeddings that run beside the editor."""

from pathlib import Path
from types import SimpleNamespace

from pie_jax.ui import job
from pie_jax.workflows.watch import Step


def test_the_time_left_is_that_of_the_work_at_hand(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(job.time, "monotonic", lambda: now[0])
    left = []

    def embed_photos(photos, out, config, *, face, watch):
        for done in (10, 20):  # resumed at 10, ten seconds each
            watch(Step(done, 100))
            left.append(one.seconds_left)
            now[0] += 100
        for done in (0, 1):  # its own rig, another work
            watch(Step(done, 4))
            left.append(one.seconds_left)
            now[0] += 2
        return SimpleNamespace(failed=[], problems=[])

    monkeypatch.setattr(job, "embed_photos", embed_photos)
    monkeypatch.setattr(job, "_ONE_BY_ONE", SimpleNamespace(submit=lambda run: None))
    one = job.Job(Path("anna.jpg"), Path("out"), "default", [], None)
    one._run()
    assert one.state == "done"
    assert left == [None, 800.0, None, 6.0]
