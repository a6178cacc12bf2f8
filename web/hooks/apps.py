from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class HooksConfig(AppConfig):
    name = "web.hooks"

    def ready(self):
        autodiscover_modules("hooks")  # where other apps say what they do with a delivery
