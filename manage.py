#!/usr/bin/env python
import os
import sys

from django.core.management import execute_from_command_line

from worker import env

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "web.settings")
    env.load(env.ROOT / ".env")
    env.load(env.ROOT / "var" / "env")  # what `make run` chose: port, secret, DEBUG
    execute_from_command_line(sys.argv)
