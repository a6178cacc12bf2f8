"""Hands a mail to an SMTP server, and tells from its replies what is to become of the mail.

What the server says of the sender, the recipients or the content decides: 4xx is for now, 5xx for good (RFC 5321,
4.2.1). What it says before, when it is connected to and logged in to, is about itself or about us: the mails wait.
"""

import logging
import smtplib
import ssl
from contextlib import ExitStack, contextmanager, suppress

from worker.job import Hopeless

logger = logging.getLogger(__name__)

# Seconds to wait for an answer about a mail. A server may examine it first, and who hangs up meanwhile sends it again
# and again, although each was taken (RFC 5321, 4.5.3.2.6, asks for ten minutes).
PATIENCE = 60
LOGIN_WANTED = {530, 534, 535, 538}  # RFC 4954: log in, or do it in another way; that is not about the mail


class Undelivered(smtplib.SMTPException):
    """The server has not taken a mail, and may take it later."""


class Answering:
    """Keeps what the server said of a mail, which `sendmail` drops when it took it."""

    def data(self, content):
        code, text = super().data(content)
        self.answer = reply(code, text)
        return code, text


class Connection(Answering, smtplib.SMTP):
    pass


class TlsConnection(Answering, smtplib.SMTP_SSL):
    pass


class Server:
    """Where mails are handed in.

    username, password: empty for no login. use_tls: encrypt after STARTTLS. use_ssl: encrypt from the beginning.
    timeout: seconds to wait for a connection and until it is ready. context: an SSLContext, where it is encrypted.
    """

    def __init__(self, host, port, username="", password="", use_tls=False, use_ssl=False, timeout=10, context=None):
        self.host, self.port, self.username, self.password = host, port, username, password
        self.use_tls, self.use_ssl, self.timeout = use_tls, use_ssl, timeout
        self.context = context

    def __str__(self):
        return f"{self.host}:{self.port}"

    def send(self, sender, addresses, content, taken):
        """Send a mail, in bytes. `taken` is called with the addresses for which the server has taken it, and with its
        answer, at once then.

        Raises Hopeless when the mail is refused for good, and Undelivered when it is refused for now or the server is
        away; after `taken`, when that is so for some of the addresses.
        """
        with self.connected(domain(sender)) as connection:
            try:
                refused = connection.sendmail(sender, addresses, content)
            except smtplib.SMTPRecipientsRefused as error:
                raise self.refusal(error.recipients) from error
            except smtplib.SMTPSenderRefused as error:
                raise self.refusal({f"the sender {sender}": (error.smtp_code, error.smtp_error)}) from error
            except smtplib.SMTPResponseException as error:
                raise self.refusal({"the mail": (error.smtp_code, error.smtp_error)}) from error
            except OSError as error:
                raise Undelivered(f"{self} went away in the middle of a mail: {error}") from error
            taken([address for address in addresses if address not in refused], connection.answer)
        if refused:
            raise self.refusal(refused)

    @contextmanager
    def connected(self, name):
        """A connection that is ready for mail; `name` is who we say we are."""
        with ExitStack() as stack:
            try:
                connection = self.connect(name)
                stack.callback(self.hang_up, connection)
                if self.use_tls:
                    connection.starttls(context=self.context)
                connection.ehlo_or_helo_if_needed()
            except (OSError, UnicodeError) as error:
                raise self.unready(error) from error
            if self.username and self.password:
                self.login(connection)
            connection.sock.settimeout(max(PATIENCE, self.timeout))
            yield connection

    def connect(self, name):
        if self.use_ssl:
            return TlsConnection(self.host, self.port, name, timeout=self.timeout, context=self.context)
        return Connection(self.host, self.port, name, timeout=self.timeout)

    def hang_up(self, connection):
        with suppress(OSError):
            if connection.sock:
                connection.sock.settimeout(self.timeout)
            connection.quit()
        connection.close()

    def unready(self, error):
        """What to raise when the server cannot be asked."""
        if isinstance(error, smtplib.SMTPNotSupportedError | ssl.SSLCertVerificationError):
            return self.misconfigured(f"is not as SMTP_URL says: {error}")
        if isinstance(error, smtplib.SMTPResponseException):
            told = f"is not ready: {reply(error.smtp_code, error.smtp_error)}"
            return self.misconfigured(told) if error.smtp_code >= 500 else Undelivered(f"{self} {told}")
        return Undelivered(f"{self} cannot be reached: {error}")

    def login(self, connection):
        """Log in. What fails is raised without its traceback, since variables in there hold the password."""
        try:
            connection.login(self.username, self.password)
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


def reply(code, text):
    """An answer of a server as one line, `550 5.1.1 No such user`."""
    text = text.decode(errors="replace") if isinstance(text, bytes) else text
    return f"{code} {' '.join(text.split())}"


def domain(address):
    """What stands behind the @ of an address; localhost where there is none."""
    return address.rpartition("@")[2] if "@" in address else "localhost"
