"""What `celery inspect` and `celery control` answer."""

from celery.app import control

from worker.errors import ConfigurationError


class Control(control.Control):
    """Celery's remote control holds connections in every worker, and loses messages; see worker/signals.py."""

    def broadcast(self, command, *args, **options):
        raise ConfigurationError(f"{command}: this engine has no remote control; use python manage.py jobs")
