"""Who talks to Redis: the processes behind its clients."""

from contextlib import suppress
from pathlib import Path

from tests.bench.stopwatch import family


def ports(*pids):
    """The local TCP ports of these processes and all below them."""
    inodes = {inode for pid in family(*pids) for inode in opened(pid)}
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {
        int(local.rpartition(":")[2], 16) for _, local, *_, inode in (line[:10] for line in lines) if inode in inodes
    }


def opened(pid):
    with suppress(OSError):  # it has ended meanwhile
        for path in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                kind, _, inode = str(path.readlink()).partition(":")
                if kind == "socket":
                    yield inode.strip("[]")


class Count:
    """The most clients that a Redis had, and how many of them each of our processes was then."""

    def __init__(self, redis, own, **processes):
        """own: the name of the connections that are not counted."""
        self.redis, self.own, self.processes = redis, own, processes
        self.most, self.shares = 0, {}

    def look(self):
        clients = [each for each in self.redis.client_list() if each["name"] != self.own]
        if len(clients) > self.most:
            theirs = {int(each["addr"].rpartition(":")[2]) for each in clients}
            self.most = len(clients)
            self.shares = {name: len(theirs & ports(each.pid)) for name, each in self.processes.items()}

    def __str__(self):
        return ", ".join(f"{name} {share}" for name, share in self.shares.items())
