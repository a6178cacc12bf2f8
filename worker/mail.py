"""The queued mailer, which makes a job of every mail, the job, and the mailers that deliver.

`MAILERS["default"]` is the queued one, so `send_mail()` anywhere in the app returns at once. Inside a job it delivers
right there: the job is what makes the mail safe already, and a second one would only double the ways to fail.

What delivers sends a mail once, however often its job runs (worker/sent.py), and lets the server's reply decide what
becomes of the job (worker/smtp.py).
"""

import logging
import os
import re
import threading
from copy import copy
from email.errors import MessageError
from email.utils import parseaddr

from django.core.mail import EmailMultiAlternatives, mailers
from django.core.mail.backends import smtp
from django.core.mail.backends.base import BaseEmailBackend
from django.db import connections
from django.tasks import task
from django.utils.encoding import punycode

from worker import job, mime, parcel, sent
from worker.smtp import Server, domain

logger = logging.getLogger(__name__)

# The user a mail is for, and whether nobody else may read it (a password reset): for the inbox at /letters/ and the
# dashboard, and removed before a mail leaves the house.
USER_HEADER = "X-Kickstand-User"
PRIVATE_HEADER = "X-Kickstand-Private"


class QueuedMailer(BaseEmailBackend):
    def send_messages(self, messages):
        """Enqueue one job a mail, or deliver when a job is running; return how many were taken."""
        if job.current.get():
            return mailers["delivery"].send_messages(messages)
        for message in messages:
            deliver.enqueue(parcel.pack(message))
        return len(messages)


@task(queue_name="mailers")
def deliver(message):
    parcel.unpack(message, EmailMultiAlternatives()).send(using="delivery")


class DeliveringMailer(BaseEmailBackend):
    """Delivers each mail once, however often its job runs; `deliver` of a subclass says where."""

    def send_messages(self, messages):
        """Deliver now what has recipients, and return how many these were.

        Raises worker.job.Hopeless for mails that no further attempt can help, after it has delivered the others, and
        whatever else `deliver` raises at once.
        """
        hopeless, messages = [], [message for message in messages if message.recipients()]
        for message in messages:
            try:
                self.send(message)
            except job.Hopeless as error:
                hopeless.append(error)
        if hopeless:
            raise job.Hopeless("\n".join(map(str, hopeless))) from hopeless[0]
        return len(messages)

    def send(self, message):
        try:
            mail = sent.next_mail(self.addresses(message))
            if mail.missing:
                self.deliver(named(message, mail.id), mail.missing, mail.note)
            else:
                logger.info("mail %s was sent before, it is not sent again", mail.id)
        except (ValueError, MessageError) as error:  # a line break in a header, an address that is none
            raise job.Hopeless(f"this cannot be a mail: {error}") from error

    def addresses(self, message):
        return list(dict.fromkeys(message.recipients()))

    def deliver(self, message, addresses, taken):
        """Deliver to these addresses, and call `taken` with those of them for which that is done, at once then."""
        raise NotImplementedError


def named(message, id):
    """A copy of the message with a Message-ID made of `id`, unless its author gave it one.

    The domain is the sender's: that of this machine would need a name server, and says nothing to anybody.
    """
    message = copy(message)
    message.extra_headers = dict(message.extra_headers)
    if not any(name.lower() == "message-id" for name in message.extra_headers):
        sender = str(message.from_email)
        place = punycode(domain(mime.address_in(sender) or parseaddr(sender)[1]))
        message.extra_headers["Message-ID"] = f"<{re.sub(r'[^\w.-]', '-', id, flags=re.ASCII)}@{place}>"
    return message


class SmtpMailer(DeliveringMailer, smtp.EmailBackend):
    """Delivers to the server of SMTP_URL. Django makes one of these for each mail; the server is for all of them."""

    def addresses(self, message):
        return list(dict.fromkeys(map(self.prep_address, message.recipients())))

    def prep_address(self, address, force_ascii=True):
        return mime.address_in(str(address)) or super().prep_address(address, force_ascii)

    def deliver(self, message, addresses, taken):
        for name in (USER_HEADER, PRIVATE_HEADER):
            message.extra_headers.pop(name, None)
        sender = self.prep_address(message.from_email)
        content = message.message(policy=mime.SMTP).as_bytes()
        if job.current.get():
            give_back_connections()
        self.server.send(sender, addresses, content, taken)

    @property
    def server(self):
        options = (self.host, self.port, self.username, self.password, self.use_tls, self.use_ssl, self.timeout or 10)
        place = (*options, self.ssl_keyfile, self.ssl_certfile)
        with making:
            if place not in servers:
                servers[place] = Server(*options, self.ssl_context if self.use_tls or self.use_ssl else None)
            return servers[place]


servers, making = {}, threading.Lock()  # one for each set of options: an SSLContext alone takes 50 ms to make
os.register_at_fork(before=making.acquire, after_in_parent=making.release, after_in_child=making.release)


def give_back_connections():
    """A job that talks to a slow server does not keep a database connection from the other threads meanwhile."""
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close()
