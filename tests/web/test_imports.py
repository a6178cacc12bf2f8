import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import ROOT

DJANGO_IS_WELCOME = {"apps", "backend", "mail", "models", "outbox", "results", "sent", "smtp", "told"}


def test_the_direction_of_imports_is_kept():
    lint = Path(sys.executable).with_name("lint-imports")

    run = subprocess.run([lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True)

    assert run.returncode == 0, run.stdout


def engine():
    return sorted(path.stem for path in (ROOT / "worker").glob("*.py") if path.stem not in DJANGO_IS_WELCOME)


def test_the_engine_runs_in_a_plain_celery_app_without_django():
    code = "import sys; sys.modules['django'] = None\n" + "".join(f"import worker.{name}\n" for name in engine())

    run = subprocess.run(
        [sys.executable, "-c", code.replace(".__init__", "")], cwd=ROOT, capture_output=True, text=True
    )

    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("app", ["web/letters", "web/jobs"])
def test_letters_and_jobs_stand_alone(app):
    others = [f"web.{name}" for name in ("accounts", "feed", "notifications", "letters", "jobs", "api", "mail")]
    others.remove(app.replace("/", "."))

    for path in (ROOT / app).rglob("*.py"):
        lines = [line for line in path.read_text().splitlines() if line.startswith(("from ", "import "))]
        assert not [line for line in lines if any(other in line for other in others)], path
