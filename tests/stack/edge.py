"""A proxy in front of a site, which may speak TLS, and may do the site harm."""

import re
import threading
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HOP = {"connection", "content-length", "transfer-encoding", "date", "server"}


class Edge(ThreadingHTTPServer):
    """Passes on requests to `port` of this machine.

    without: headers, in lower case, that answers lose. failing: a pattern of paths at which it answers 500. context: of
    ssl, if it speaks TLS.
    """

    def __init__(self, port, without=(), failing="$.", context=None):
        super().__init__(("127.0.0.1", 0), Handler)
        self.target, self.without, self.failing, self.context = port, without, re.compile(failing), context
        self.url = f"{'https' if context else 'http'}://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def finish_request(self, request, client_address):
        """In the thread of the request: a handshake that does not come about holds up no other."""
        try:
            request = self.context.wrap_socket(request, server_side=True) if self.context else request
        except OSError:
            return
        super().finish_request(request, client_address)

    def stop(self):
        self.shutdown()
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def pass_on(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.server.failing.search(self.path):
            self.answer(500, [], b"the edge fails")
            return
        headers = dict(self.headers) | ({"X-Forwarded-Proto": "https"} if self.server.context else {})
        connection = HTTPConnection("127.0.0.1", self.server.target, timeout=30)
        connection.request(self.command, self.path, body, headers)
        answer = connection.getresponse()
        self.answer(answer.status, answer.getheaders(), answer.read())
        connection.close()

    do_GET = do_POST = pass_on

    def answer(self, status, headers, content):
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in HOP | set(self.server.without):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass
