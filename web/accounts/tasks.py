import logging

from django.contrib.auth.tokens import default_token_generator
from django.tasks import task
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from web import mail
from web.accounts.models import User
from web.sessions import SessionStore

logger = logging.getLogger(__name__)


@task(queue_name="mailers")
def mail_welcome(user_id):
    user = User.objects.filter(pk=user_id).first()
    if user is None or not user.can_be_mailed:
        logger.info("skipped welcome mail: user %s is gone or has no address", user_id)
        return
    mail.send(user, "accounts/mail/welcome")


@task(queue_name="mailers")
def mail_password_reset(user_ids):
    """Send each user a link to choose a new password. It is made here, so that it never lies in a queue."""
    for user in User.objects.filter(pk__in=user_ids, is_active=True).order_by("pk"):
        link = {
            "uid": urlsafe_base64_encode(force_bytes(user.pk)),
            "token": default_token_generator.make_token(user),
        }
        mail.send(user, "accounts/mail/password_reset", private=True, **link)


@task(cron="30 4 * * *")
def clear_sessions():
    """Delete the sessions that have run out, which the database would keep for ever."""
    SessionStore.clear_expired()
