import os
import subprocess
import sys

from tests.environment import need
from tests.servers import ROOT, Postgres

MODULES = "backend", "mail", "outbox", "results", "told"
ON_THE_DATABASE = ["tests/web", *(f"tests/worker/test_{name}.py" for name in MODULES)]


def test_what_uses_the_database_passes_on_postgresql_too():
    """The rest of this run used SQLite."""
    need(Postgres.binaries, "postgresql")
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *ON_THE_DATABASE],
        cwd=ROOT,
        env=os.environ | {"TEST_DATABASE": "postgres"},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout[-20_000:]
