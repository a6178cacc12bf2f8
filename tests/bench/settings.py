"""web.settings, with static files of its own, and without what is left out in order to see what it costs."""

import os
from pathlib import Path

from web.settings import *  # noqa: F403
from web.settings import MAILERS, ROOT, TASKS

STATIC_ROOT = Path(ROOT) / "var" / "bench" / "static"
if os.environ.get("BENCH_MAILER") == "stock":
    MAILERS["delivery"]["BACKEND"] = "django.core.mail.backends.smtp.EmailBackend"
if os.environ.get("BENCH_JOBS") == "none":
    TASKS["default"]["BACKEND"] = "tests.bench.nowhere.Backend"
