"""`python -m tests.bench.postbox PORT MILLISECONDS [CERTIFICATE KEY]`: an SMTP server that takes every mail.

It is as slow as it is told to be: each answer comes so many milliseconds after its command, and those to commands that
came in one packet (PIPELINING) come together, as over a long line. With a certificate it takes mail only after STARTTLS
and a login. `XCOUNT` is answered with how many mails it has taken, on how many connections.
"""

import asyncio
import ssl
import sys

END = b"\r\n.\r\n"


class Count:
    mails = connections = 0


class Visit(asyncio.Protocol):
    def __init__(self, delay, context):
        self.delay, self.context = delay, context
        self.is_safe = self.has_logged_in = context is None
        self.buffer, self.in_mail = b"", False
        Count.connections += 1

    def connection_made(self, transport):
        self.transport = transport
        self.answer(b"220 postbox ESMTP\r\n")

    def data_received(self, data):
        self.buffer += data
        if self.transport:
            self.answer(b"".join(self.answers()))

    def answer(self, told):
        if told and self.delay:
            asyncio.get_running_loop().call_later(self.delay, self.transport.write, told)
        elif told:
            self.transport.write(told)

    def answers(self):
        """To everything that has arrived whole."""
        while True:
            whole, found, rest = self.buffer.partition(END if self.in_mail else b"\r\n")
            if not found:
                return
            self.buffer = rest
            if self.in_mail:
                self.in_mail = False
                Count.mails += 1
                yield b"250 taken\r\n"
            else:
                yield self.reply(whole)

    def reply(self, command):
        verb, _, rest = command.upper().partition(b" ")
        if verb in (b"EHLO", b"HELO"):
            offers = [b"PIPELINING", b"8BITMIME", b"AUTH PLAIN" if self.is_safe else b"STARTTLS"]
            offers = offers if self.context else offers[:2]
            return b"".join(b"250-" + offer + b"\r\n" for offer in [b"postbox", *offers]) + b"250 SIZE 10000000\r\n"
        if verb == b"STARTTLS" and not self.is_safe:
            self.is_safe = True
            self.plain, self.transport = self.transport, None  # what comes before TLS is ready is answered within it
            asyncio.get_running_loop().call_later(self.delay, self.upgrade)
            return b""
        if verb == b"AUTH" and rest.startswith(b"PLAIN ") and self.is_safe:
            self.has_logged_in = True
            return b"235 welcome\r\n"
        if verb == b"XCOUNT":
            return b"250 %d %d\r\n" % (Count.mails, Count.connections)
        if verb in (b"MAIL", b"RCPT", b"DATA") and not self.has_logged_in:
            return b"530 log in\r\n"
        if verb == b"QUIT":
            asyncio.get_running_loop().call_later(self.delay + 0.1, self.transport.close)
            return b"221 bye\r\n"
        self.in_mail = verb == b"DATA"
        known = verb in (b"MAIL", b"RCPT", b"DATA", b"RSET", b"NOOP")
        return b"354 go on\r\n" if self.in_mail else b"250 ok\r\n" if known else b"500 what?\r\n"

    def upgrade(self):
        self.plain.write(b"220 go on\r\n")
        self.task = asyncio.create_task(self.encrypt())

    async def encrypt(self):
        try:
            loop = asyncio.get_running_loop()
            self.transport = await loop.start_tls(self.plain, self, self.context, server_side=True)
            self.data_received(b"")
        except OSError:  # who called has hung up
            self.plain.close()


async def serve(port, milliseconds, certificate=None, key=None):
    context = None
    if certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate, key)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Visit(int(milliseconds) / 1000, context), "127.0.0.1", int(port), backlog=512
    )
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(*sys.argv[1:]))
