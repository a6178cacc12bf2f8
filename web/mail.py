"""Mails to users, from templates, in the reader's language."""

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils import translation

from worker.mail import PRIVATE_HEADER, USER_HEADER


def send(user, template, private=False, **context):
    """Send `user` the mail made of `{template}.subject.txt`, `{template}.txt` and `{template}.html`.

    Outside a job it is queued, inside one it is delivered; see worker/mail.py. What a `private` mail says is shown
    nowhere on the site, since it opens the account.
    """
    context |= {"user": user, "site": settings.SITE_URL}
    with translation.override(user.language):
        subject = " ".join(render_to_string(f"{template}.subject.txt", context).split())
        message = EmailMultiAlternatives(
            subject,
            render_to_string(f"{template}.txt", context),
            to=[user.email],
            headers={USER_HEADER: str(user.pk), PRIVATE_HEADER: "1" if private else "0"},
        )
        message.attach_alternative(render_to_string(f"{template}.html", context), "text/html")
    message.send()
