import subprocess
import sys
import threading

from pie_jax.io import locks, results

HOLDS_UNTIL_KILLED = """
import pathlib, sys
from pie_jax.io import locks
with locks.held(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_lock_is_one_process_s_and_gone_afterwards(tmp_path):
    file = tmp_path / "new" / "lock"
    with locks.held(file) as ours, locks.held(file, wait=False) as also_ours:
        assert (ours, also_ours) == (True, False)
        assert file.exists()
    assert not file.exists()


def test_the_lock_of_a_killed_process_blocks_nobody(tmp_path):
    file = tmp_path / "lock"
    command = [sys.executable, "-c", HOLDS_UNTIL_KILLED, str(file)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout.readline() == "held\n"
        with locks.held(file, wait=False) as ours:
            assert not ours
        run.kill()
    assert file.exists()
    with locks.held(file, wait=False) as ours:
        assert ours
    assert not file.exists()


def test_of_many_who_wait_one_at_a_time_has_it(tmp_path, capsys):
    inside, most = [], []

    def work():
        for _ in range(20):
            # The folder goes with the lock, as that of a portrait that failed.
            with locks.held(tmp_path / "folder" / "lock") as ours:
                inside.append(ours)
                most.append(len(inside))
                inside.pop()
            results.remove_if_empty(tmp_path / "folder")

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(most) == 160 and max(most) == 1
    assert "folder: waiting for another run" in capsys.readouterr().err
