from django.urls import include, path

urlpatterns = [
    path("accounts/", include("web.accounts.urls")),
    path("notifications/", include("web.notifications.urls")),
    path("hooks/", include("web.hooks.urls")),
    path("jobs/", include("web.jobs.urls")),
    path("letters/", include("web.letters.urls")),
    path("", include("web.feed.urls")),
]
