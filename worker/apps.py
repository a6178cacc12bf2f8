from django.apps import AppConfig


class WorkerConfig(AppConfig):
    name = "worker"

    def ready(self):
        from worker import dead, outbox, results

        outbox.install()
        dead.handlers.append(results.died)
