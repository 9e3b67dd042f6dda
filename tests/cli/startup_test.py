"""A second run of a command finds the programs that the first one compiled."""

import json
import os
import subprocess
import sys

import pytest

PIE = """
import collections, json, sys
from jax import monitoring

counts = collections.Counter()
monitoring.register_event_listener(lambda event, **_: counts.update([event]))
monitoring.register_event_duration_secs_listener(
    lambda event, seconds, **_: counts.update([event])
)
from pie_jax.cli import main
status = main.main(sys.argv[1:])
print(json.dumps(counts), file=sys.stderr)
sys.exit(status)
"""
MISSES = "/jax/compilation_cache/cache_misses"
HITS = "/jax/compilation_cache/cache_hits"
COMPILED = "/jax/core/compile/backend_compile_duration"

FEW = 200
"""More programs than that run dispatches; most of them draw the random parameters that
the testing configuration has in the place of weights."""


def counted(cache, *words) -> dict[str, int]:
    """Runs `pie WORDS` in a process of its own; JAX's events."""
    done = subprocess.run(
        [sys.executable, "-c", PIE, *map(str, words)],
        env={**os.environ, "PIE_JAX_CACHE": str(cache)},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stderr.splitlines()[-1])


@pytest.mark.compiled
def test_second_edit_compiles_nothing_and_traces_few_programs(embedded, tmp_path):
    words = ("edit", embedded.folder, "--yaw", "5", "--config", "testing")
    first, second = (
        counted(tmp_path / "cache", *words, "--out", tmp_path / x)
        for x in ("first", "second")
    )
    assert first[MISSES] > 0
    assert second.get(MISSES, 0) == 0
    assert second[COMPILED] == second[HITS] < FEW
