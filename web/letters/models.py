from email import message_from_bytes, policy

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import models
from django.urls import reverse
from django.utils.functional import cached_property

from worker.mail import PRIVATE_HEADER, USER_HEADER


class LetterQuerySet(models.QuerySet):
    def visible_to(self, reader):
        """All letters for staff and, in DEBUG, for everybody; in a demo, those sent to the reader's user id.

        Never by address: an address is not an identity, since anybody can sign up with yours. A private letter (a
        password reset) is for staff alone: it would hand the account to whoever borrows the session.
        """
        if settings.DEBUG or reader.is_staff:
            return self
        if settings.DEMO and reader.is_authenticated:
            return self.filter(user_id=reader.pk, private=False)
        return self.none()


class Letter(models.Model):
    """A mail that was delivered to this inbox instead of an SMTP server."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="+")
    private = models.BooleanField(default=False)
    message_id = models.CharField(max_length=255, unique=True)
    sender = models.CharField(max_length=320)
    recipients = models.TextField()
    subject = models.TextField()
    text = models.TextField()
    html = models.TextField()
    raw = models.BinaryField()
    created = models.DateTimeField(auto_now_add=True)

    objects = LetterQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["user", "-id"])]

    def __str__(self):
        return self.subject

    def get_absolute_url(self):
        return reverse("letter", args=[self.pk])

    @classmethod
    def deliver(cls, message):
        """Store an EmailMessage; one that comes a second time, with the same Message-ID, is stored once."""
        headers = message.extra_headers
        user, private = headers.pop(USER_HEADER, None), headers.pop(PRIVATE_HEADER, "0") == "1"
        parsed = message.message(policy=policy.SMTP)
        body, html = parsed.get_body(["plain"]), parsed.get_body(["html"])
        return cls.objects.get_or_create(
            message_id=parsed["Message-ID"],
            defaults={
                "user": get_user_model().objects.filter(pk=user).first(),  # who may be gone by now
                "private": private,
                "sender": parsed["From"],
                "recipients": ", ".join(message.recipients()),
                "subject": parsed["Subject"],
                "text": body.get_content() if body else "",
                "html": html.get_content() if html else "",
                "raw": parsed.as_bytes(),
            },
        )[0]

    @cached_property
    def message(self):
        return message_from_bytes(self.raw, policy=policy.default)

    @property
    def headers(self):
        """All of them, in order; a template that asked the message itself would be told of a header named `items`."""
        return self.message.items()

    @property
    def attachments(self):
        return list(self.message.iter_attachments())

    @property
    def attachment_names(self):
        return [part.get_filename() or f"attachment-{number}" for number, part in enumerate(self.attachments)]
