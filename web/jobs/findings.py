"""What is wrong with the jobs Redis, in the reader's language. The words are those of worker/api/health.py."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import override

KNOWN = [
    _("whether Redis deletes jobs when it is full could not be seen"),
    _("ask its provider for noeviction"),
    _("Redis deletes jobs as soon as a maxmemory is set: maxmemory-policy is %(policy)s"),
    _("Redis deletes jobs when it is full, at %(limit)s bytes: maxmemory-policy is %(policy)s"),
    _("choose noeviction at its provider (Heroku: heroku redis:maxmemory --policy noeviction)"),
    _("how often Redis flushes its log to disk could not be seen"),
    _("ask its provider"),
    _("Redis keeps no log on disk, so a crash costs jobs: all, or those since a snapshot (not seen from here)"),
    _("ask its provider for an append-only file"),
    _("Redis keeps nothing on disk: its end costs all jobs"),
    _("Redis keeps only snapshots on disk: a crash costs the jobs since the last"),
    _("Redis leaves it to the system when its log reaches the disk: a power cut costs half a minute of jobs"),
]

with override("en"):
    TEXTS = {str(text): text for text in KNOWN}


def told(finding):
    return finding._replace(form=translated(finding.form), mend=translated(finding.mend))


def translated(text):
    """A command is the same in every language."""
    return str(TEXTS.get(text, text))
