from django.shortcuts import render
from django.views.decorators.http import require_safe

from web.notifications.models import Activity
from web.signin import signed_in

SHOWN = 50


@require_safe
@signed_in
def index(request):
    """The latest activities; seeing them makes them read."""
    mine = Activity.objects.filter(recipient=request.user, withdrawn=False)
    activities = list(mine.select_related("actor").prefetch_related("target").order_by("-id")[:SHOWN])
    if activities:
        mine.filter(read=False, pk__lte=activities[0].pk).update(read=True)  # not what arrived meanwhile
    activities = [each for each in activities if each.target]  # a comment may have been deleted meanwhile
    return render(request, "notifications/index.html", {"activities": activities})
