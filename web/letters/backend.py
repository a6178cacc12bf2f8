from functools import partial

from django.db import transaction

from web.letters.models import Letter
from worker.mail import DeliveringMailer


class LetterMailer(DeliveringMailer):
    """Delivers to the inbox at /letters/; used when SMTP_URL is not set (after Rails' letter_opener_web)."""

    def deliver(self, message, addresses, taken):
        Letter.deliver(message)
        transaction.on_commit(partial(taken, addresses))  # what is rolled back was not delivered
