"""`python -m infra.reload COMMAND …`: run a command, and run it anew whenever code has changed, once it has ended.

It ends when the command ends by itself, with its status.
"""

import contextlib
import signal
import subprocess
import sys
import time

from worker import env

FOLDERS = (env.ROOT / "web", env.ROOT / "worker")


def main(command):
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit())
    while True:
        seen, child = code(), subprocess.Popen(command)
        try:
            wait_for_news(child, seen)
        finally:
            child.terminate()
            child.wait()
        print("code has changed: the command starts anew", flush=True)


def wait_for_news(child, seen):
    while code() == seen:
        if child.poll() is not None:
            sys.exit(child.returncode)
        time.sleep(0.5)


def code():
    """When each file of Python was changed; editors put files beside them, and take them away at any time."""
    changed = {}
    for path in (path for folder in FOLDERS for path in folder.rglob("[!.]*.py")):
        with contextlib.suppress(FileNotFoundError):
            changed[path] = path.stat().st_mtime_ns
    return changed


if __name__ == "__main__":
    main(sys.argv[1:])
