import logging

from django.tasks import task

from web import mail
from web.accounts.models import User

logger = logging.getLogger(__name__)


@task(queue_name="mailers")
def mail_welcome(user_id):
    user = User.objects.filter(pk=user_id).first()
    if user is None or not user.can_be_mailed:
        logger.info("skipped welcome mail: user %s is gone or has no address", user_id)
        return
    mail.send(user, "accounts/mail/welcome")
