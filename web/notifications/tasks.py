import logging

from django.tasks import task

from web.notifications.models import Activity

logger = logging.getLogger(__name__)


@task(queue_name="mailers", takes_context=True)
def mail_activity(context, activity_id):
    """Mail the recipient of an activity, if it still holds: the world may have moved on since it was enqueued."""
    activity = Activity.objects.select_related("actor", "recipient").filter(pk=activity_id).first()
    if activity:
        activity.give_back_mail(context.task_result.id)
    if reason := unwanted(activity):
        logger.info("skipped mail of activity %s: %s", activity_id, reason)
    elif not activity.send_mail(context.task_result.id):
        logger.info("skipped mail of activity %s: another job has sent it, or it was undone", activity_id)


def unwanted(activity):
    """Why this activity is not worth a mail, or None."""
    if activity is None:
        return "what it tells of is gone"
    if activity.withdrawn:
        return "it was undone"
    if not activity.actor.is_active:
        return "who did it is gone"
    if not activity.recipient.can_be_mailed:
        return "the recipient is gone or has no address"
    if not activity.recipient.wants_mail:
        return "the recipient wants no mail"
    return None
