import socket
import sys

import pytest

from pie_jax.cli import main


def test_without_the_extra_it_says_how_to_get_it(monkeypatch, tmp_path, capsys):
    for name in [x for x in sys.modules if x.startswith(("pie_jax.ui", "nicegui"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "nicegui", None)
    assert main.main(["ui", str(tmp_path)]) == 1
    assert 'pip install ".[ui]"' in capsys.readouterr().err


def test_a_port_that_is_taken_is_told(tmp_path, capsys):
    pytest.importorskip("nicegui", reason="the editor is an extra")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        status = main.main(["ui", str(tmp_path / "p"), "--port", str(port)])
    assert status == 1
    assert f"127.0.0.1:{port} cannot be served" in capsys.readouterr().err
