"""How long web waits for a client that has gone silent in the middle of a request, such as a phone without network.

gunicorn waits for ever, with one of its few threads: its `timeout` is for the process, not for a request.
"""

import errno
import socket
import struct
from contextlib import contextmanager, suppress

from gunicorn.workers.gthread import ThreadWorker

SECONDS = 30  # in which a client has to send, or to take, something; how long all of it takes is up to the client


class Worker(ThreadWorker):
    def handle(self, conn):
        if not isinstance(conn.sock, Connection):
            conn.sock = Connection(conn.sock)
        return super().handle(conn)


class Connection(socket.socket):
    """Hangs up on a silent client, and tells gunicorn and Django that the client did: they know what to do then.

    A connection that waits for its next request is not read, so for that `keepalive` counts.
    """

    def __init__(self, accepted):
        super().__init__(fileno=accepted.detach())
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):  # settimeout() would limit the whole of sendall()
            self.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", SECONDS, 0))

    def recv(self, *args):
        with self.hanging_up(BlockingIOError):
            return super().recv(*args)

    def sendall(self, *args):
        with self.hanging_up(BlockingIOError):
            return super().sendall(*args)

    def sendfile(self, *args, **options):
        self.settimeout(SECONDS)  # of each part; without one it would poll for ever after the kernel's
        try:
            with self.hanging_up(TimeoutError):
                return super().sendfile(*args, **options)
        finally:
            self.setblocking(True)

    @contextmanager
    def hanging_up(self, silence):
        try:
            yield
        except silence:
            with suppress(OSError):
                self.shutdown(socket.SHUT_RDWR)  # or gunicorn would linger for the client's goodbye, as it closes
            raise ConnectionResetError(errno.ECONNRESET, f"the client was silent for {SECONDS} s") from None
