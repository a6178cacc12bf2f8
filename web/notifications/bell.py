"""The count of unread activities that every page shows."""

from django.utils.functional import SimpleLazyObject

from web.notifications.models import Activity


def unread(request):
    """Context processor: `unread`, counted only when a template asks for it."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {"unread": 0}
    mine = Activity.objects.filter(recipient=user, withdrawn=False, read=False)
    return {"unread": SimpleLazyObject(mine.count)}
