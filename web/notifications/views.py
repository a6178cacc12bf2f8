from django.contrib.auth.decorators import login_required
from django.shortcuts import render

from web.notifications.models import Activity

SHOWN = 50


@login_required
def index(request):
    """The latest activities; seeing them makes them read."""
    mine = Activity.objects.filter(recipient=request.user, withdrawn=False)
    activities = list(mine.select_related("actor").prefetch_related("target").order_by("-id")[:SHOWN])
    mine.filter(read=False).update(read=True)
    return render(request, "notifications/index.html", {"activities": activities})
