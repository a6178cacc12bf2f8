"""A real SMTP server that answers as it is told to."""

import asyncio

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from tests.servers import free_port

NEVER, HANG_UP = "never", "hang up"


class PostOffice(Controller):
    """Takes every mail, unless `answers` has another answer to a command, or for a recipient, by address.

    `{"MAIL": "451 later", "b@example.com": "550 no such user", "DATA": NEVER}`; a function is asked each time. `mails`
    are the envelopes that it took, and `on_mail` is called with each of them just before the client is told so;
    `goodbyes` are the clients that took leave.
    login: the only user and password, in bytes. pipelining: whether it takes commands in groups.
    """

    def __init__(self, login=None, pipelining=False, **options):
        self.pipelining = pipelining
        self.answers, self.mails, self.on_mail = {}, [], lambda envelope: None
        self.goodbyes = []
        if login:

            def known(server, session, envelope, mechanism, data):
                return AuthResult(success=(data.login, data.password) == login, handled=False)

            options |= {"authenticator": known, "auth_required": True, "auth_require_tls": "tls_context" in options}
        address = {"hostname": "127.0.0.1", "port": free_port(), "server_hostname": "post.test"}
        super().__init__(self, **address, ready_timeout=30, **options)

    async def answer(self, server, names, default):
        answer = next((self.answers[name] for name in names if name in self.answers), default)
        answer = answer() if callable(answer) else answer
        if answer == NEVER:
            await asyncio.Event().wait()
        if answer == HANG_UP:
            server.transport.abort()
        return answer

    async def handle_EHLO(self, server, session, envelope, name, responses):
        session.host_name = name
        answer = await self.answer(server, ["EHLO"], None)
        responses[1:1] = ["250-PIPELINING"] * self.pipelining
        return [answer] if answer else responses

    async def handle_HELO(self, server, session, envelope, name):
        session.host_name = name
        return await self.answer(server, ["EHLO"], "250 hello")

    async def handle_MAIL(self, server, session, envelope, address, options):
        envelope.mail_from, envelope.name, envelope.peer = address, session.host_name, session.peer
        return await self.answer(server, ["MAIL"], "250 go on")

    async def handle_RCPT(self, server, session, envelope, address, options):
        answer = await self.answer(server, [address, "RCPT"], "250 go on")
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server, session, envelope):
        answer = await self.answer(server, ["DATA"], "250 taken")
        if answer.startswith("250"):
            self.mails.append(envelope)
            self.on_mail(envelope)
        return answer

    async def handle_QUIT(self, server, session, envelope):
        self.goodbyes.append(session.peer)
        return await self.answer(server, ["QUIT"], "221 bye")
