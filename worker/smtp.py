"""Hands a mail to an SMTP server, and tells from its replies what is to become of the mail.

What the server says of the sender, the recipients or the content decides: 4xx is for now, 5xx for good (RFC 5321,
4.2.1). What it says before, when it is connected to and logged in to, is about itself or about us: the mails wait.

A session is kept for the next mail (worker/kept.py). The server may have ended it meanwhile, or do so now: as long as
it was not sent the content it cannot have the mail, which then begins again in a new session.
"""

import logging
import smtplib
import ssl
from contextlib import contextmanager

from worker.job import Hopeless
from worker.kept import Kept
from worker.session import Session, TlsSession, hang_up

logger = logging.getLogger(__name__)

# Seconds to wait for an answer about a mail. A server may examine it first, and who hangs up meanwhile sends it again
# and again, although each was taken (RFC 5321, 4.5.3.2.6, asks for ten minutes).
PATIENCE = 60
MOST = 100  # mails of a session; many servers take no more
LOGIN_WANTED = {530, 534, 535, 538}  # RFC 4954: log in, or do it in another way; that is not about the mail


class Undelivered(smtplib.SMTPException):
    """The server has not taken a mail, and may take it later."""


class Server:
    """Where mails are handed in.

    username, password: empty for no login. use_tls: encrypt after STARTTLS. use_ssl: encrypt from the beginning.
    timeout: seconds to wait for a connection and until it is ready. context: an SSLContext, where it is encrypted.
    """

    def __init__(self, host, port, username="", password="", use_tls=False, use_ssl=False, timeout=10, context=None):
        self.host, self.port, self.username, self.password = host, port, username, password
        self.use_tls, self.use_ssl, self.timeout = use_tls, use_ssl, timeout
        self.context = context
        self.kept = Kept()

    def __str__(self):
        return f"{self.host}:{self.port}"

    def send(self, sender, addresses, content, taken):
        """Send a mail, in bytes. `taken` is called with the addresses for which the server has taken it, and with its
        answer, at once then.

        Raises Hopeless when the mail is refused for good, and Undelivered when it is refused for now or the server is
        away; after `taken`, when that is so for some of the addresses.
        """
        mail = sender, addresses, content, taken
        kept = self.kept.take()
        if not (kept and self.hand_in(kept, *mail)):
            self.hand_in(self.open(domain(sender)), *mail)

    def hand_in(self, session, sender, addresses, content, taken):
        """Whether that was possible in this session: not in one that was kept, and that has come to its end by now."""
        with self.kept_after(session):
            session.sock.settimeout(max(PATIENCE, self.timeout))
            try:
                refused = session.offer(sender, addresses, len(content))
            except OSError as error:
                if session.mails and is_over(session, error):
                    hang_up([session], self.timeout)
                    return False
                raise self.failure(error) from error
            try:
                answer = session.hand_over(content)
            except OSError as error:
                raise self.failure(error) from error
            taken([address for address in addresses if address not in refused], reply(*answer))
            if refused:
                raise self.refusal(refused)
            return True

    @contextmanager
    def kept_after(self, session):
        """Keep the session for the next mail, unless something else than this one went wrong."""
        try:
            yield
        except (Undelivered, Hopeless):
            self.keep(session)
            raise
        except BaseException:  # in the middle of an exchange
            session.close()
            raise
        self.keep(session)

    def keep(self, session):
        if session.sock and session.mails and not session.clean:
            session.reset(self.timeout)
        if session.sock and 0 < session.mails < MOST:
            self.kept.keep(session)
        else:
            hang_up([session], self.timeout)

    def open(self, name):
        """A session that is ready for mail; `name` is who we say we are."""
        try:
            session = self.connect(name)
        except (OSError, UnicodeError) as error:
            raise self.unready(error) from error
        try:
            self.prepare(session)
        except BaseException:
            hang_up([session], self.timeout)
            raise
        return session

    def connect(self, name):
        if self.use_ssl:
            return TlsSession(self.host, self.port, name, timeout=self.timeout, context=self.context)
        return Session(self.host, self.port, name, timeout=self.timeout)

    def prepare(self, session):
        try:
            if self.use_tls:
                session.starttls(context=self.context)
            session.ehlo_or_helo_if_needed()
        except (OSError, UnicodeError) as error:
            raise self.unready(error) from error
        if self.username and self.password:
            self.login(session)

    def unready(self, error):
        """What to raise when the server cannot be asked."""
        if isinstance(error, smtplib.SMTPNotSupportedError | ssl.SSLCertVerificationError):
            return self.misconfigured(f"is not as SMTP_URL says: {error}")
        if isinstance(error, smtplib.SMTPResponseException):
            told = f"is not ready: {reply(error.smtp_code, error.smtp_error)}"
            return self.misconfigured(told) if error.smtp_code >= 500 else Undelivered(f"{self} {told}")
        return Undelivered(f"{self} cannot be reached: {error}")

    def login(self, session):
        """Log in. What fails is raised without its traceback, since variables in there hold the password."""
        try:
            session.login(self.username, self.password)
            return
        except smtplib.SMTPAuthenticationError as error:
            told = f"refused the login of user {self.username!r}: {reply(error.smtp_code, error.smtp_error)}"
        except UnicodeEncodeError:
            told = f"cannot be told the login of user {self.username!r}: it or its password is not ASCII"
        except smtplib.SMTPServerDisconnected as error:
            raise Undelivered(f"{self} went away during the login: {error}") from None
        except smtplib.SMTPException as error:
            told = f"cannot be logged in to as user {self.username!r}: {error}"
        raise self.misconfigured(told)

    def failure(self, error):
        """What to raise when the server has not taken a mail, or hung up before it said whether it has."""
        if isinstance(error, smtplib.SMTPRecipientsRefused):
            return self.refusal(error.recipients)
        if isinstance(error, smtplib.SMTPSenderRefused):
            return self.refusal({f"the sender {error.sender}": (error.smtp_code, error.smtp_error)})
        if isinstance(error, smtplib.SMTPResponseException):
            return self.refusal({"the mail": (error.smtp_code, error.smtp_error)})
        return Undelivered(f"{self} went away in the middle of a mail: {error}")

    def refusal(self, refused):
        """What to raise when the server refused something: {what: (code, text)}."""
        told = "refused " + "; ".join(f"{what}: {reply(*answer)}" for what, answer in refused.items())
        codes = {code for code, _ in refused.values()}
        if codes & LOGIN_WANTED:
            return self.misconfigured(told)
        kind = Hopeless if all(500 <= code <= 599 for code in codes) else Undelivered
        return kind(f"{self} {told}")

    def misconfigured(self, told):
        logger.error("SMTP_URL: %s %s. Mails wait and are tried again: correct SMTP_URL, or the server", self, told)
        return Undelivered(f"{self} {told}")


def is_over(session, error):
    """Whether the server has ended a session or, as some say it that take so many mails in each, will take no more."""
    refused = isinstance(error, smtplib.SMTPSenderRefused) and 400 <= error.smtp_code <= 499
    return session.sock is None or refused


def reply(code, text):
    """An answer of a server as one line, `550 5.1.1 No such user`."""
    text = text.decode(errors="replace") if isinstance(text, bytes) else text
    return f"{code} {' '.join(text.split())}"


def domain(address):
    """What stands behind the @ of an address; localhost where there is none."""
    return address.rpartition("@")[2] if "@" in address else "localhost"
