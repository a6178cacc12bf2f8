"""The queued mailer, which makes a job of every mail, and the job that delivers it.

`MAILERS["default"]` is the queued one, so `send_mail()` anywhere in the app returns at once. Inside a job it delivers
right there: the job is what makes the mail safe already, and a second one would only double the ways to fail.
"""

from base64 import b64decode, b64encode
from email import message_from_bytes, policy
from email.message import MIMEPart

from django.core.mail import EmailMultiAlternatives, mailers
from django.core.mail.backends import smtp
from django.core.mail.backends.base import BaseEmailBackend
from django.db import connections
from django.tasks import task

from worker import job

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
            deliver.enqueue(packed(message))
        return len(messages)


@task(queue_name="mailers")
def deliver(message):
    unpacked(message).send(using="delivery")


def give_back_connections():
    """A job that talks to a slow server does not keep a database connection from the other threads meanwhile."""
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close()


FIELDS = ("subject", "body", "from_email", "to", "cc", "bcc", "reply_to")


def packed(message):
    """An EmailMessage as plain JSON."""
    return {
        **{field: value if isinstance(value := getattr(message, field), list) else str(value) for field in FIELDS},
        "subtype": message.content_subtype,
        "encoding": message.encoding,
        "headers": {name: str(value) for name, value in message.extra_headers.items()},
        "alternatives": [[str(content), mimetype] for content, mimetype in getattr(message, "alternatives", [])],
        "attachments": [packed_attachment(attachment) for attachment in message.attachments],
    }


def packed_attachment(attachment):
    if isinstance(attachment, MIMEPart):
        return {"part": b64encode(attachment.as_bytes()).decode()}
    name, content, mimetype = attachment
    content = content.encode() if isinstance(content, str) else content
    return {"name": name, "mimetype": mimetype, "content": b64encode(content).decode()}


def unpacked(packed):
    """The EmailMessage again."""
    message = EmailMultiAlternatives(
        **{field: packed[field] for field in FIELDS},
        headers=packed["headers"],
        alternatives=packed["alternatives"],
    )
    message.content_subtype, message.encoding = packed["subtype"], packed["encoding"]
    for attachment in packed["attachments"]:
        if "part" in attachment:
            message.attach(message_from_bytes(b64decode(attachment["part"]), MIMEPart, policy=policy.default))
        else:
            message.attach(attachment["name"], b64decode(attachment["content"]), attachment["mimetype"])
    return message


class SmtpMailer(smtp.EmailBackend):
    """Delivers to the server of SMTP_URL."""

    def send_messages(self, messages):
        if job.current.get():
            give_back_connections()
        for message in messages:
            message.extra_headers = {
                name: value
                for name, value in message.extra_headers.items()
                if name not in (USER_HEADER, PRIVATE_HEADER)
            }
        return super().send_messages(messages)
