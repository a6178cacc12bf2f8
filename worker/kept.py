"""Sessions with an SMTP server between two mails, kept for the next one instead of being opened anew."""

import atexit
import os
import threading
import time
from collections import deque
from contextlib import suppress

from worker.session import hang_up

# Seconds without a mail after which a session is closed. Servers have room for few: Postfix keeps one for two.
IDLE = 5
GOODBYE = 1  # seconds to take leave of all servers when the process ends


class Kept:
    """At most one for each thread, since each uses one at a time; the one that was used last is taken first."""

    def __init__(self):
        self.begin()
        os.register_at_fork(after_in_child=self.forget)
        atexit.register(self.close)

    def begin(self):
        self.sessions = deque()  # of (session, since when)
        self.wanted, self.sweeper, self.lock = threading.Event(), None, threading.Lock()

    def forget(self):
        """In a child: they are its parent's, which goes on to use them."""
        for session, _ in self.sessions:
            session.close()
        self.begin()

    def take(self):
        """A session whose server has not said goodbye meanwhile, or None."""
        while True:
            try:
                session, _ = self.sessions.pop()
            except IndexError:
                return None
            if session.is_silent():
                return session
            session.close()

    def keep(self, session):
        self.sessions.append((session, time.monotonic()))
        with self.lock:
            if self.sweeper is None or not self.sweeper.is_alive():
                with suppress(RuntimeError):  # when the process is about to end there are no new threads
                    sweeper = threading.Thread(target=self.sweep, name="smtp-idle", daemon=True)
                    sweeper.start()
                    self.sweeper = sweeper
        if not self.wanted.is_set():
            self.wanted.set()

    def sweep(self):
        while self.wanted.wait():
            self.wanted.clear()
            while self.sessions:
                time.sleep(IDLE / 5)
                hang_up(self.unused(), GOODBYE)

    def unused(self):
        """Take out what has waited for too long. If that was used and put back just now, it is opened anew later."""
        found = []
        with suppress(IndexError):
            while self.sessions[0][1] <= time.monotonic() - IDLE:
                found.append(self.sessions.popleft()[0])
        return found

    def close(self):
        """Take leave of all servers."""
        found = []
        with suppress(IndexError):
            while True:
                found.append(self.sessions.pop()[0])
        hang_up(found, GOODBYE)
