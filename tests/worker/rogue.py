"""An SMTP server on real sockets that keeps to no rule it is told to break."""

import re
import socket
import struct
import threading
from collections import Counter
from contextlib import suppress


class Gone(Exception):
    """Raised by `behave`: say `last`, which need not be a whole line, and hang up; with a reset of TCP or without."""

    def __init__(self, last=b"", reset=False):
        self.last, self.reset = last, reset


class Rogue:
    """`behave(talk, verb, line)` gives the answer, in bytes, to a connection (CONNECT), a command and the content of a
    mail (CONTENT); None for that of a good server. `features(talk)` are what EHLO offers.

    taken: how often it has each mail, by what follows "id: " in it. talks: each connection, with what it was told.
    pieces: octets in which it says things; 0 for all together, as far as it was asked.
    """

    def __init__(self, behave=None, features=lambda talk: ["PIPELINING"], pieces=0):
        self.behave, self.features, self.pieces = behave or (lambda *_: None), features, pieces
        self.taken, self.talks = Counter(), []
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        while True:
            try:
                connected, _ = self.listener.accept()
            except OSError:
                return
            self.talks.append(Talk(self, connected, len(self.talks) + 1))
            threading.Thread(target=self.talks[-1].run, daemon=True).start()

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for talk in self.talks:
            talk.cut()

    @property
    def told(self):
        """The verbs it was told, by connection."""
        return [talk.told for talk in self.talks]


class Talk:
    def __init__(self, server, connected, number):
        self.server, self.connected, self.number = server, connected, number
        self.heard, self.told, self.mails, self.in_content = b"", [], 0, False
        self.turns = []  # how many commands came together

    def run(self):
        try:
            self.say(self.answer("CONNECT", b"", b"220 rogue.test\r\n"))
            while received := self.connected.recv(65536):
                self.heard += received
                self.turns.append(0)
                self.say(self.replies())
        except Gone as gone:
            self.hang_up(gone)
        except OSError:
            pass
        self.connected.close()

    def replies(self):
        """To all that it was told together; also to what came before a reason to hang up."""
        said = b""
        while (line := self.next()) is not None:
            try:
                said += self.reply(line)
            except Gone as gone:
                raise Gone(said + gone.last, gone.reset) from None
        return said

    def next(self):
        found, end, rest = self.heard.partition(b"\r\n")
        if self.in_content and not self.heard.startswith(b".\r\n"):
            found, end, rest = self.heard.partition(b"\r\n.\r\n")
        if not end:
            return None
        self.heard = rest
        return found

    def reply(self, line):
        if self.in_content:
            self.in_content = False
            self.told.append("CONTENT")
            answer = self.answer("CONTENT", line, b"250 taken\r\n")
            if answer.startswith(b"2"):
                self.take(line)
            return answer
        self.turns[-1] += 1
        verb = line[:4].decode().upper()
        self.told.append(verb)
        answer = self.answer(verb, line, self.good(verb))
        self.in_content = answer.startswith(b"354")
        if verb == "QUIT":
            raise Gone(answer)
        return answer

    def answer(self, verb, line, default):
        found = self.server.behave(self, verb, line)
        return default if found is None else found

    def good(self, verb):
        if verb == "EHLO":
            lines = ["rogue.test", *self.server.features(self)]
            return "".join(f"250{' ' if line is lines[-1] else '-'}{line}\r\n" for line in lines).encode()
        return {"DATA": b"354 go on\r\n", "QUIT": b"221 bye\r\n", "AUTH": b"235 welcome\r\n"}.get(verb, b"250 yes\r\n")

    def take(self, content):
        self.mails += 1
        self.server.taken[id_of(content)] += 1

    def say(self, text):
        step = self.server.pieces or len(text) or 1
        for start in range(0, len(text), step):
            self.connected.sendall(text[start : start + step])

    def cut(self):
        """Hang up, from another thread than that which listens."""
        with suppress(OSError):
            self.connected.shutdown(socket.SHUT_RDWR)

    def hang_up(self, gone):
        with suppress(OSError):
            self.say(gone.last)
            if gone.reset:
                self.connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def id_of(content):
    found = re.search(rb"id: (\S+)", content)
    return found[1].decode() if found else "none"
