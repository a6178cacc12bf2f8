"""What the jobs of this app are called on the dashboard; see web/jobs/titles.py."""

from web.notifications.models import Activity


def mail_activity(calls):
    activities = Activity.objects.select_related("actor", "recipient").in_bulk([call["activity_id"] for call in calls])
    return [name(activities.get(call["activity_id"])) for call in calls]


def name(activity):
    return activity and f"{activity} → {activity.recipient.email}"
