"""The mail that a job carries or has sent."""

import re
from functools import cached_property

from django.apps import apps
from django.core.mail import EmailMultiAlternatives

from worker import parcel
from worker.mail import PRIVATE_HEADER

DELIVER = "worker.mail.deliver"


class Mail:
    """A mail as the argument of its job; what cannot be read is empty."""

    def __init__(self, packed):
        self.packed = packed if isinstance(packed, dict) else {}

    @property
    def subject(self):
        return str(self.packed.get("subject", ""))

    @property
    def sender(self):
        return str(self.packed.get("from_email", ""))

    @property
    def recipients(self):
        lists = (self.packed.get(name) for name in ("to", "cc", "bcc"))
        return [str(address) for found in lists if isinstance(found, list) for address in found]

    @property
    def is_private(self):
        """Whether nobody but its reader may see what it says: it opens an account. So it is for one that is odd."""
        headers = self.packed.get("headers")
        if not isinstance(headers, dict):
            return True
        return any(name.lower() == PRIVATE_HEADER.lower() and value != "0" for name, value in headers.items())

    @property
    def text(self):
        return str(self.packed.get("body", ""))

    @cached_property
    def html(self):
        """Its HTML body; empty when it has none."""
        try:
            found = parcel.unpack(self.packed, EmailMultiAlternatives()).alternatives
        except (KeyError, TypeError, ValueError, AttributeError):
            return ""
        return next((str(content) for content, mimetype in found if mimetype == "text/html"), "")


def mail_of(job):
    """The Mail of a job that delivers one; None for any other, and once it is done."""
    if job.task != DELIVER or job.args is None:
        return None
    return Mail(next(iter(job.args), (job.kwargs or {}).get("message")))


def letter_of(job, reader):
    """The letter that the inbox at /letters/ has of this job, if there is such an inbox; see worker.mail.named."""
    if not apps.is_installed("web.letters"):
        return None
    start = f"<{re.sub(r'[^\w.-]', '-', job.id, flags=re.ASCII)}@"
    letters = apps.get_model("letters", "Letter").objects.visible_to(reader)
    return letters.filter(message_id__startswith=start).only("pk").first()
