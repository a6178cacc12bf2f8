"""The edge as a process, and what other services send to it."""

import base64
import os
import shutil
import signal
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import httpx

from tests.environment import need
from tests.servers import free_port, listening, until
from web.hooks.signature import signed

SECRET = b"the secret of the example hook.."
WRITTEN = "whsec_" + base64.b64encode(SECRET).decode()

# A route of a team's own: what is posted to it is what `jobs.enqueue` is called with, in Lua.
ROUTE = """
location = /enqueue {
    content_by_lua_block {
        ngx.req.read_body()
        local id, problem, status = require("jobs").enqueue(loadstring("return " .. ngx.req.get_body_data())())
        ngx.status = status or 202
        ngx.say(id or problem)
    }
}
"""


# One for all, since each reads all certificates, which takes longer than most tests; and no idle connections to what is
# killed.
client = httpx.Client(timeout=30, limits=httpx.Limits(max_keepalive_connections=0))


def is_here():
    modules = Path("/usr/lib/nginx/modules/ngx_http_lua_module.so")
    need(shutil.which("nginx") and modules.exists(), "nginx with its Lua module")


class Nginx:
    """The edge in front of a Stack, from the same copy of the checkout."""

    def __init__(self, stack, **environment):
        self.stack, self.port = stack, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {
            "PATH": os.environ["PATH"],
            "TMPDIR": str(stack.folder),
            "PORT": str(self.port),
            "EDGE_PROCESSES": "1",
            "EDGE_WEB": f"127.0.0.1:{stack.port}",
            "REDIS_URL": stack.environment["REDIS_URL"],
            "HOOK_EXAMPLE_SECRET": WRITTEN,
            "HOOK_RATE": "1000",
            **environment,
        }
        (stack.folder / "infra/edge/routes/tests.conf").write_text(ROUTE)
        self.log = stack.folder / f"edge-{self.port}.log"
        self.start()

    def start(self):
        with self.log.open("a") as log:
            command = [self.stack.folder / "infra/edge/start"]
            self.process = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log)
        until(lambda: self.has_ended() or listening(self.port), "the edge")
        assert not self.has_ended(), self.log.read_text()

    def has_ended(self):
        return self.process.poll() is not None

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)

    def post(self, body=b"{}", **options):
        return client.post(f"{self.url}/hooks/example", content=body, headers=headers(body, **options))

    def enqueue(self, lua):
        return client.post(f"{self.url}/enqueue", content=lua)


def headers(body, id=None, at=None, secret=SECRET):
    """Those of a message that is signed."""
    id = id or f"msg_{uuid4().hex}"
    at = str(int(time.time()) if at is None else at)
    signature = signed(secret, f"{id}.{at}.".encode() + body).decode()
    return {"webhook-id": id, "webhook-timestamp": at, "webhook-signature": signature}


def deliveries(stack):
    """{id of the message: its body} of what was stored."""
    with closing(sqlite3.connect(stack.folder / "var" / "db.sqlite3")) as database:
        rows = database.execute("SELECT message_id, body FROM hooks_delivery").fetchall()
    assert len({id for id, _ in rows}) == len(rows)
    return dict(rows)
