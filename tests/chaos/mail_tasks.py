"""A job that sends mail, and dies with its worker."""

import os
import signal

from celery import shared_task
from django.core.mail import send_mail


@shared_task(bind=True)
def mail_die_mail(self):
    """Sends a mail, kills its worker the first time, and sends another mail."""
    send_mail("before", "text", "us@example.com", ["alice@example.org"])
    if not self.request.delivery_info["redelivered"]:
        os.kill(os.getpid(), signal.SIGKILL)
    send_mail("after", "text", "us@example.com", ["alice@example.org"])
