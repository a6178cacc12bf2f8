"""A session with an SMTP server: opened once, it carries many mails, in as few round trips as SMTP allows.

A server that takes commands in groups (PIPELINING, RFC 2920) needs two for a mail: one for MAIL, RCPT and DATA, and one
for the content. Others need one for each command.
"""

import re
import select
import smtplib
import socket
import time
from contextlib import suppress
from smtplib import SMTPDataError, SMTPRecipientsRefused, SMTPSenderRefused, SMTPServerDisconnected

# Octets of a group of commands. It has to fit into the window of TCP: a server that waits until we read its answers
# reads no commands, and both would wait for ever (RFC 2920, 3.1).
GROUP = 4096


class Dialogue:
    """To be mixed with a class of smtplib's.

    mails: how many it has carried. clean: whether the server is in the middle of none.
    """

    mails, clean = 0, True

    def _get_socket(self, host, port, timeout):
        connected = super()._get_socket(host, port, timeout)
        # The end of a mail would wait until what is before it is acknowledged, which the other side puts off.
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connected

    def offer(self, sender, addresses, size):
        """Name the sender, the recipients and the octets of the content; {address: answer} of those who were refused.

        Raises SMTPSenderRefused, SMTPRecipientsRefused, SMTPDataError or SMTPServerDisconnected: there is no mail then.
        """
        self.clean = False
        option = f" size={size}" if self.has_extn("size") else ""
        recipients = [f"rcpt to:<{address}>" for address in addresses]
        mail, *told = self.converse([f"mail from:<{sender}>{option}", *recipients, "data"])
        told, data = told[: len(addresses)], told[len(addresses) :]
        if data and data[0][0] == 354 and not (good(mail) and any(map(good, told))):
            self.send_nothing(told)
        if not good(mail):
            raise SMTPSenderRefused(*mail, sender)
        refused = {to: answer for to, answer in zip(addresses, told, strict=False) if not good(answer)}
        if not data or not any(map(good, told)):
            raise SMTPRecipientsRefused(refused)
        if data[0][0] != 354:
            raise SMTPDataError(*data[0])
        return refused

    def converse(self, commands):
        """The answers to the commands of a mail, as far as there was a reason to go on."""
        answers = []
        for group in groups(commands, GROUP if self.has_extn("pipelining") else 0):
            try:
                self.send("".join(group))
                for _ in group:
                    answers.append(self.answer())
            except SMTPServerDisconnected:
                if not is_decided(answers, len(commands) - 2):
                    raise
            if is_decided(answers, len(commands) - 2):
                break
        return answers

    def send_nothing(self, told):
        """It waits for the content of a mail that it has refused before, which RFC 2920, 3.1, allows."""
        if any(map(good, told)):  # a mail of nobody: what is cut off is none
            self.close()
            return
        with suppress(SMTPServerDisconnected):
            self.send(".\r\n")
            self.answer()

    def hand_over(self, content):
        """Send the content that was offered; the server's answer. Raises SMTPDataError or SMTPServerDisconnected.

        After the latter it may have the mail, or not.
        """
        content = re.sub(rb"(?m)^\.", b"..", content)  # RFC 5321, 4.5.2
        self.send(content + (b".\r\n" if content.endswith(b"\r\n") else b"\r\n.\r\n"))
        answer = self.answer()
        self.clean = True
        if not good(answer):
            raise SMTPDataError(*answer)
        self.mails += 1
        return answer

    def answer(self):
        """(code, text). With 421 a server ends the session (RFC 5321, 3.8), and so does nonsense."""
        code, text = self.getreply()
        if code == 421 or not 200 <= code <= 599:
            self.close()
        if not 200 <= code <= 599:
            raise SMTPServerDisconnected(f"what it says is no answer: {code} {text!r}")
        return code, text

    def getreply(self):
        if self.sock is None:
            raise SMTPServerDisconnected("Connection unexpectedly closed")
        self.file = self.file or Lines(self.sock)
        return super().getreply()

    def is_silent(self):
        """Whether the server has said nothing that it was not asked for: its goodbye, or that it hung up."""
        if self.sock is None or (self.file and self.file.rest) or getattr(self.sock, "pending", int)():
            return False
        poll = select.poll()
        poll.register(self.sock, select.POLLIN)
        return not poll.poll(0)

    def reset(self, seconds):
        """Make it ready for another mail after one that failed; if that does not work, it is closed."""
        with suppress(OSError):
            self.sock.settimeout(seconds)
            self.clean = self.docmd("rset")[0] == 250
        if not self.clean:
            self.close()


class Session(Dialogue, smtplib.SMTP):
    pass


class TlsSession(Dialogue, smtplib.SMTP_SSL):
    pass


class Lines:
    """What a socket says, line by line, as smtplib reads it, which would take half a line for a whole one."""

    def __init__(self, source):
        self.source, self.rest = source, b""

    def readline(self, size):
        while b"\n" not in self.rest:
            received = self.source.recv(size)
            self.rest += received
            if not received or len(self.rest) > size:
                return b""
        line, end, self.rest = self.rest.partition(b"\n")
        return line + end

    def close(self):
        pass


def groups(commands, octets):
    """Lists of lines that may be sent before an answer is read: of so many octets together, or of one line."""
    group = []
    for command in commands:
        if "\r" in command or "\n" in command:
            raise ValueError(f"this is not one line for an SMTP server: {command!r}")
        if group and sum(map(len, group)) + len(command) + 2 > octets:
            yield group
            group = []
        group.append(f"{command}\r\n")
    yield group


def is_decided(answers, recipients):
    """Whether there will be no mail, by the answers so far, to MAIL and to so many RCPT."""
    if not answers:
        return False
    told = answers[1 : recipients + 1]
    return not good(answers[0]) or answers[-1][0] == 421 or (len(told) == recipients and not any(map(good, told)))


def good(answer):
    return 200 <= answer[0] <= 299


def hang_up(sessions, seconds):
    """Say goodbye to all servers and then wait for their answers, for so many seconds (RFC 5321, 4.1.1.10)."""
    deadline = time.monotonic() + seconds
    for say in (lambda session: session.send("quit\r\n"), lambda session: session.getreply()):
        for session in sessions:
            with suppress(OSError):
                if session.sock:
                    session.sock.settimeout(max(0.001, deadline - time.monotonic()))
                    say(session)
    for session in sessions:
        session.close()
