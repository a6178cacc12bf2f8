import pytest
from django.core.mail import EmailMultiAlternatives

from web.letters.models import Letter
from worker.mail import PRIVATE_HEADER, USER_HEADER


@pytest.fixture
def letter_to(db):
    """A maker of delivered letters: `letter_to(alice, "Subject", private=True)`; to nobody's id when user is None."""

    def make(user, subject="Hello", private=False, html="<p>Hello</p>", attachments=(), to="alice@example.com"):
        headers = {USER_HEADER: str(user.pk), PRIVATE_HEADER: "1" if private else "0"} if user else {}
        message = EmailMultiAlternatives(subject, "Hello in text", to=[to], headers=headers)
        if html:
            message.attach_alternative(html, "text/html")
        for attachment in attachments:
            message.attach(*attachment)
        message.send(using="delivery")
        return Letter.objects.latest("id")

    return make
