"""How the rest of the app tells that something happened."""

from django.contrib.contenttypes.models import ContentType

from web.notifications.models import Activity
from web.notifications.tasks import mail_activity


def record(actor, verb, target, recipient):
    """Write that `actor` did `verb` to `target`, and have `recipient` mailed about it once.

    Call it in the transaction that does the deed: then all of it happens or none. Nobody is told of their own deeds.
    Doing again what was undone renews the activity, without a second mail.
    """
    if actor == recipient:
        return
    activity, created = Activity.objects.get_or_create(**deed(actor, verb, target), defaults={"recipient": recipient})
    if activity.withdrawn:
        Activity.objects.filter(pk=activity.pk).update(withdrawn=False)
        activity.refresh_from_db(fields=["mail_job"])  # which that job may have given back meanwhile
    if created or (activity.withdrawn and not activity.mail_job):
        mail_activity.enqueue(activity.pk)


def withdraw(actor, verb, target):
    """Take back what was recorded: it leaves the bell, and its mail is not sent if it has not been."""
    Activity.objects.filter(**deed(actor, verb, target)).update(withdrawn=True)


def deed(actor, verb, target):
    return {
        "actor": actor,
        "verb": verb,
        "target_type": ContentType.objects.get_for_model(target),
        "target_id": target.pk,
    }
