"""Dead jobs that failed alike: the same task, the same error, raised in the same place."""

import hashlib
import re
from collections import defaultdict
from functools import lru_cache
from typing import NamedTuple

from worker import keys
from worker.api.connection import connection
from worker.api.jobset import dead
from worker.api.reading import mapping, text
from worker.job import unpacked

LOOK_AT = 1000  # of the dead, the newest
TASK = re.compile(rb'"task"\s*:\s*"([^"\\]+)"')
FRAME = re.compile(r'^\s*File "(.+)", line (\d+), in (.+)$', re.MULTILINE)
LIBRARY = re.compile(r".*/(?:site-packages|lib/python[\d.]+)/")


class Group(NamedTuple):
    id: str
    task: str | None
    error: str | None
    frame: str  # where it was raised, such as "web/mail.py:33 in send"; empty when that is not known
    entries: list  # pairs of what stands in Redis of each and its score, the newest first

    @property
    def picked(self):
        """Pairs of a job's id and its score, as `dead` takes them."""
        return [(dead.id_of(entry), at) for entry, at in self.entries]


class Groups(NamedTuple):
    groups: list[Group]  # the largest first
    looked: int
    total: int


def groups(most=LOOK_AT):
    """The Groups of the newest dead jobs, `most` of them."""
    entries = dead.slice(0, most)
    failures = connection().hmget(keys.ATTEMPTS, [dead.id_of(entry) for entry, _ in entries]) if entries else []
    found = defaultdict(list)
    for pair, failure in zip(entries, failures, strict=True):
        found[task(pair[0]), *raised(failure)].append(pair)
    made = [Group(digest(*alike), *alike, members) for alike, members in found.items()]
    total = dead.size() if len(entries) == most else len(entries)
    return Groups(sorted(made, key=lambda group: -len(group.entries)), len(entries), total)


def task(entry):
    """The task of a job, as it is named in its message."""
    found = TASK.search(entry)
    return found and found[1].decode(errors="replace")


def raised(failure):
    """(error, frame) of what is kept of a failure."""
    record = mapping(failure)
    return text(record.get("error")), frame(text(record.get("backtrace")) or "")


def group(id, most=LOOK_AT):
    """The Group of this id among the newest dead jobs; None when it is not there."""
    return next((group for group in groups(most).groups if group.id == id), None)


@lru_cache(4096)
def frame(packed_backtrace):
    """The innermost frame of a backtrace as it is kept."""
    frames = FRAME.findall(unpacked(packed_backtrace))
    if not frames:
        return ""
    path, line, function = frames[-1]
    path = LIBRARY.sub("", path)
    return f"{'/'.join(path.split('/')[-3:])}:{line} in {function}"


def digest(*parts):
    return hashlib.sha1("\n".join(map(str, parts)).encode()).hexdigest()[:12]
