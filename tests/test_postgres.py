import os
import subprocess
import sys

from tests.environment import need
from tests.servers import ROOT, Postgres


def test_web_and_worker_pass_on_postgresql_too():
    """The rest of this run used SQLite."""
    need(Postgres.binaries, "postgresql")
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "tests/web", "tests/worker"],
        cwd=ROOT,
        env=os.environ | {"TEST_DATABASE": "postgres"},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout[-20_000:]
