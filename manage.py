#!/usr/bin/env python
import os
import sys

from django.core.management import execute_from_command_line

from infra import runner
from worker import env

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "web.settings")
    env.load(env.ROOT / ".env")
    if runner.is_running():
        env.load(runner.CHOICES)  # what `make run` chose: port, secret, Redis, DEBUG
    execute_from_command_line(sys.argv)
