"""A page costs what is on it: with a million jobs it is as fast, and asks Redis as often, as the dashboard says."""

import re
import time

import pytest
from redis.connection import AbstractConnection

from tests.servers import ROOT, Redis
from worker import client, config, dead, keys
from worker.api import connection, queue

QUEUED, SCHEDULED, DEAD, OTHER_KEYS = 1_000_000, 100_000, 10_000, 20_000
SECONDS = 0.1
TRIPS = {  # of each page, as its README says
    page: int(trips)
    for page, trips in re.findall(
        r"^\| `/jobs/(.*)` \| (\d+) \|$", (ROOT / "web/jobs/README.md").read_text(), re.MULTILINE
    )
}
PAGES = [
    *TRIPS, "?span=half", "queues/default/?page=10000", "queues/default/?page=99999999", "scheduled/?page=1000",
    "dead/?page=100", "metrics/?hours=72", "metrics/tasks.resize/?hours=8",
]  # fmt: skip

FILL = """
local function fill(count, add)
  for number = 1, count do add(number, (string.gsub(ARGV[1], ARGV[2], string.format('%08d', number + ARGV[3])))) end
end
local adds = {
  default = function(number, message) redis.call('LPUSH', 'default', message) end,
  schedule = function(number, message) redis.call('ZADD', 'schedule', 4e9 + number, 'default\\n' .. message) end,
  dead = function(number, message)
    redis.call('ZADD', 'dead', 1e9 + number + ARGV[3], 'default\\n' .. message)
    redis.call('HSET', 'attempts', string.format('%08d', number + ARGV[3]), ARGV[6])
  end,
  other = function(number) redis.call('SET', 'dedupe:' .. number .. ':' .. ARGV[3], 1) end,
}
fill(tonumber(ARGV[5]), adds[ARGV[4]])
"""


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    """A Redis with that much in it, which the dashboard looks at."""
    server = Redis(tmp_path_factory.mktemp("size") / "redis", "--appendonly", "no", "--save", "")
    before, config.REDIS_URL = config.REDIS_URL, server.url
    forget()
    fill(connection.connection())
    yield server
    config.REDIS_URL = before
    forget()
    server.stop()


def forget():
    for made in (connection.connection, connection.scripts, client.connection, client.scripts):
        made.cache_clear()
    queue.others.cursor = 0


def fill(redis):
    _, message = client.message("tasks.resize", [7, "a photo"], id="@ID@")
    try:
        {}["nothing"]
    except KeyError as error:
        record = dead.record_of(error, 26)
    script, step = redis.register_script(FILL), 20_000
    for place, count in (("default", QUEUED), ("schedule", SCHEDULED), ("dead", DEAD), ("other", OTHER_KEYS)):
        for start in range(0, count, step):
            script(args=[message, "@ID@", start, place, min(step, count), record])
    sizes = redis.llen("default"), redis.zcard(keys.SCHEDULE), redis.zcard(keys.DEAD), redis.hlen(keys.ATTEMPTS)
    assert sizes == (QUEUED, SCHEDULED, DEAD, DEAD)


@pytest.fixture
def trips(monkeypatch):
    """How often the dashboard has asked Redis."""
    asked, send = [], AbstractConnection.send_packed_command

    def counting(self, *args, **options):
        if self.socket_timeout == 5:  # not the cache
            asked.append(args)
        return send(self, *args, **options)

    monkeypatch.setattr(AbstractConnection, "send_packed_command", counting)
    return asked


@pytest.fixture
def visitor(browser, staff):
    visitor = browser(staff)
    visitor.get("/jobs/")
    return visitor


def spent():
    """Seconds that this process and Redis have worked, whatever else this machine does meanwhile."""
    cpu = client.connection().info("cpu")
    return time.process_time() + cpu["used_cpu_user_main_thread"] + cpu["used_cpu_sys_main_thread"]


@pytest.mark.parametrize("path", PAGES)
def test_a_page(full, visitor, trips, path):
    took = []
    for _ in range(4):
        trips.clear()
        start = spent()
        assert visitor.get(f"/jobs/{path}").status_code == 200
        took.append(spent() - start)
        assert len(trips) <= TRIPS[path.partition("?")[0]]
    assert min(took) < SECONDS, took
