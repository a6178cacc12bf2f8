from django.apps import AppConfig


class WebConfig(AppConfig):
    name = "web"

    def ready(self):
        from web import cache  # noqa: F401  (registers its check)
