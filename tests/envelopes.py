"""A server that takes what is reported to Sentry, and lets a test look at it."""

import gzip
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise

import brotli

DECODED = {None: bytes, "gzip": gzip.decompress, "br": brotli.decompress}


class Sentry:
    def __init__(self):
        self.bodies = []
        bodies = self.bodies

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                bodies.append(DECODED[self.headers["Content-Encoding"]](body).decode())
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.dsn = f"http://key@127.0.0.1:{self.server.server_port}/1"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def items(self, kind):
        """The items of a kind, `event` or `transaction`: a line of JSON after one that names the kind."""
        lines = [json.loads(line) for body in list(self.bodies) for line in body.splitlines() if line]
        return [item for head, item in pairwise(lines) if head.get("type") == kind and "length" in head]

    def errors(self, kind):
        """The errors of a class by its name."""
        found = [event for event in self.items("event") if "exception" in event]
        return [event for event in found if event["exception"]["values"][-1]["type"] == kind]

    def transactions(self, name):
        return [each for each in self.items("transaction") if each["transaction"] == name]

    def text(self):
        return "\n".join(self.bodies)

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
