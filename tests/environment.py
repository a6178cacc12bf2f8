"""What every test finds: variables that no .env can change, a Redis of its own, and what is missing here.

pytest loads this before the settings (`-p tests.environment`).
"""

import os
import shutil
import tempfile
import time
from pathlib import Path

import pytest

from tests.servers import ROOT, Postgres, Redis

began = time.time()
STATE = Path(tempfile.mkdtemp(prefix="kickstand-tests-"))
OURS = ("DEBUG", "DEMO", "SMTP_URL", "CACHE_URL", "REDIS_PROVIDER", "BROKER_URL", "SECRET_KEY_FILE", "SITE_URL")
OURS += ("ALLOWED_HOSTS", "WORKER_QUEUES", "WORKER_CONCURRENCY", "LOG_LEVEL", "LOG_FORMAT", "PORT", "STORAGE_URL")
OURS += ("TRUST_PROXY", "SECRET_KEY_FALLBACKS", "CSRF_TRUSTED_ORIGINS", "DEFAULT_FROM_EMAIL", "WORKER_ENGINE")
OURS += ("WORKER_IN_WEB", "SENTRY_DSN", "SENTRY_TRACES_SAMPLE_RATE", "SENTRY_REPORT_RETRIES", "METRICS_TOKEN")
OURS += ("HOOK_EXAMPLE_SECRET", "HOOK_RATE")

for name in OURS:
    os.environ.pop(name, None)

redis = Redis(STATE / "redis")
postgres = None
os.environ.update(
    DEBUG="1",  # static files without a manifest; pytest-django turns the setting itself off
    SECRET_KEY="for tests",
    TASK_BACKEND="immediate",
    REDIS_URL=redis.url,
    DATABASE_URL=f"sqlite:///{STATE}/db.sqlite3",
)
if os.environ.get("TEST_DATABASE") == "postgres":
    postgres = Postgres(STATE / "postgres")
    os.environ["DATABASE_URL"] = postgres.url


def pytest_collection_modifyitems(items):
    """A module is run by one process, as is all of tests/chaos, whose cases run beside each other by themselves."""
    for item in items:
        group = "chaos" if "/chaos/" in item.nodeid else item.nodeid.partition("::")[0]
        item.add_marker(pytest.mark.xdist_group(group))


def pytest_terminal_summary(terminalreporter):
    """Print the table of tests/chaos, which a process of its own may have run."""
    for path in (ROOT / "var").glob("chaos*.md"):
        if path.stat().st_mtime > began:
            terminalreporter.section(f"tests/chaos, as in {path}")
            terminalreporter.write(path.read_text())


def pytest_unconfigure():
    redis.stop()
    if postgres:
        postgres.stop()
    shutil.rmtree(STATE)


def need(there, what):
    """Skip a test that needs what is not here; in CI that is a failure, since there it would hide a missing step."""
    if there:
        return
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what} is missing, and in CI nothing may be")
    pytest.skip(f"{what} is missing here")
