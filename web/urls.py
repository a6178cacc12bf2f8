from django.urls import include, path

from web import health

urlpatterns = [
    path("accounts/", include("web.accounts.urls")),
    path("notifications/", include("web.notifications.urls")),
    path("letters/", include("web.letters.urls")),
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("", include("web.feed.urls")),
]
