"""A web process as it ships, with people and photos in its database, and visitors who like these."""

import json
import sys
import urllib.error
import urllib.request

from tests.bench import asking
from tests.bench.place import GUNICORN
from tests.servers import free_port, until

POSTS = 20_000
SETTINGS = {"DJANGO_SETTINGS_MODULE": "tests.bench.settings"}


def prepare(place, names, **more):
    """Fill the database; returns the session of each of `names`."""
    place.manage("migrate", "--no-input", **more)
    place.manage("collectstatic", "--no-input", **SETTINGS, **more)
    made = place.run([sys.executable, "-m", "tests.bench.scene", str(POSTS), *names], place.ours(**SETTINGS, **more))
    return json.loads(made)


class Web:
    def __init__(self, place, name="web", **more):
        self.place, port = place, free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.process = place.start(GUNICORN, place.ours(PORT=str(port), **SETTINGS, **more), name=name)

    def answers(self, path):
        """Whether it says that all is well."""
        assert self.process.poll() is None, f"web ended: see {self.process.log}"
        try:
            with urllib.request.urlopen(f"{self.url}{path}", timeout=5) as answer:
                return answer.status == 200
        except (urllib.error.URLError, ConnectionError):
            return False

    def ready(self):
        until(lambda: self.answers("/readyz"), "web")
        return self

    def visitor(self, session):
        return asking.asked(self.place, "tests.bench.visitor", BENCH_URL=self.url, BENCH_SESSION=session)
