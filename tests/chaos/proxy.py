"""A line to Redis that can be cut at any point of a request and its answer."""

import random
import socket
import threading
import time
from contextlib import suppress

# Where a line can be cut: half of the request has passed; or all of it, so that Redis does it, and none or half of the
# answer. Or it is not cut, but stalls until the client has long given up, and then the request arrives after all.
REQUEST, ANSWER, HALF, LATE = "within the request", "before the answer", "within the answer", "late"
CUTS = (REQUEST, ANSWER, HALF)
STALL = 7  # seconds; a worker gives up after 5, and asks again at once


class Proxy:
    """Passes on what clients and Redis say to each other, each connection in two threads."""

    def __init__(self, port):
        self.target, self.lock = port, threading.Lock()
        self.pattern, self.fates, self.left, self.every, self.seen, self.cuts = None, CUTS, 0, 1, 0, 0
        self.arrived = 0  # late
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.url = f"redis://127.0.0.1:{self.listener.getsockname()[1]}/0"
        threading.Thread(target=self.accept, daemon=True).start()

    def cut(self, pattern, times, every, fates=CUTS):
        """Do one of `fates` to each `every`th request that has `pattern` in it, so many times."""
        with self.lock:
            self.pattern, self.fates, self.left, self.every, self.seen = pattern, fates, times, every, 0

    def accept(self):
        with suppress(OSError):  # closed
            while True:
                client, _ = self.listener.accept()
                Line(self, client, self.target)

    def fate(self, request):
        """What is to happen to this request, or None."""
        with self.lock:
            if not self.left or self.pattern not in request:
                return None
            self.seen += 1
            if self.seen % self.every:
                return None
            self.left -= 1
            self.cuts += 1
            return random.choice(self.fates)

    def stop(self):
        self.listener.close()


class Line:
    """One connection. A client sends a request and waits for its answer, so a cut hits what it was meant for."""

    def __init__(self, proxy, client, port):
        self.proxy, self.client, self.fate = proxy, client, None
        try:
            self.server = socket.create_connection(("127.0.0.1", port))
        except OSError:
            client.close()
            return
        for pass_on in (self.requests, self.answers):
            threading.Thread(target=self.run, args=(pass_on,), daemon=True).start()

    def run(self, pass_on):
        with suppress(OSError):
            pass_on()
        for end in (self.client, self.server):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)  # wakes the other thread, which close() would not
            end.close()

    def requests(self):
        while data := self.client.recv(1 << 16):
            self.fate = self.proxy.fate(data)
            if self.fate == REQUEST:
                self.server.sendall(data[: len(data) // 2])
                return
            if self.fate == LATE:
                time.sleep(STALL)
                self.proxy.arrived += 1
            self.server.sendall(data)

    def answers(self):
        while data := self.server.recv(1 << 16):
            if self.fate == ANSWER:
                return
            if self.fate == HALF:
                self.client.sendall(data[: len(data) // 2])
                return
            self.client.sendall(data)
