"""Errors that a person reads."""


class ConfigurationError(SystemExit):
    """A setting that cannot be used: which one, what it is, and what is allowed.

    It is a SystemExit so that every command (manage.py, gunicorn, celery) ends with the sentence alone, without
    a traceback.
    """
