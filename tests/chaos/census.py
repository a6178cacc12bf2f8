"""Where the jobs of a crew are, and what became of them."""

import base64
import json
from itertools import batched

from tests.chaos import report
from tests.chaos.report import Row, Tally
from tests.servers import until
from worker import keys

# Where jobs wait or run in Redis, and how many, in one look, since they move.
PLACES = """
local places = {}
local function look(key, command)
  table.insert(places, key)
  table.insert(places, redis.call(command, key))
end
look('default', 'LLEN')
look('schedule', 'ZCARD')
look('retry', 'ZCARD')
for _, key in ipairs(redis.call('KEYS', 'inflight:*')) do look(key, 'HLEN') end
return places
"""


class Census:
    """Of `redis`, `database` and `journal`."""

    def ran(self):
        """The numbers of the jobs that ran, in order, and as often as they did."""
        return self.journal.numbers("end")

    def inflight(self):
        return sum(count for place, count in self.places() if place.startswith("inflight:"))

    def places(self):
        return [(key.decode(), count) for key, count in batched(self.redis.eval(PLACES, 0), 2, strict=True)]

    def left(self):
        """How many jobs are not at their end, by place; Redis comes last, since that is the way they go."""
        ((rows,),) = self.database.ask("SELECT count(*) FROM worker_outbox")
        return {place: count for place, count in [("outbox", rows), *self.places()] if count}

    def run_some_more(self, jobs=20):
        """Wait until so many more jobs have run."""
        enough = len(self.ran()) + jobs
        until(lambda: self.check() and len(self.ran()) >= enough, "some jobs", 90)

    def settle(self, seconds=90):
        """Wait until no job waits or runs anywhere."""
        try:
            until(lambda: self.check() and not self.left(), "every job to come to its end", seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}\nleft over: {self.left()}") from None

    def lost(self):
        """The numbers of the jobs that were enqueued, have not run, and are not dead either."""
        dead = {number_in(job.partition(b"\n")[2]) for job in self.redis.zrange(keys.DEAD, 0, -1)}
        return set(self.journal.numbers("accepted")) - set(self.ran()) - dead

    def tally(self):
        accepted, ran = set(self.journal.numbers("accepted")), self.ran()
        return Tally(len(accepted), len(set(ran)), len(self.lost()), len(ran) - len(set(ran)))

    def report(self, case, figure="", *values, tally=None):
        """Add a row to the table; `values` are for the places in `figure`. Returns the tally."""
        tally = tally or self.tally()
        server = self.redis.info("server")
        valkey = server.get("valkey_version")
        name = f"Valkey {valkey}" if valkey else f"Redis {server['redis_version']}"
        report.rows.append(Row(case, name, tally, figure, values))
        return tally


def number_in(message):
    """The first argument of the job that a message is."""
    return json.loads(base64.b64decode(json.loads(message)["body"]))[0][0]
