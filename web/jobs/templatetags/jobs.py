import shlex
import time
from datetime import UTC, datetime

from django import template
from django.utils.formats import date_format, number_format
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from worker import job

register = template.Library()

# In the words of worker/job.py, which knows no languages.
STATES = {
    "waiting": (gettext_lazy("waiting"), gettext_lazy("In its queue, until a thread of a worker is idle.")),
    "scheduled": (gettext_lazy("scheduled"), gettext_lazy("Enqueued for later: it goes to its queue when it is due.")),
    "running": (gettext_lazy("running"), gettext_lazy("Taken by a worker, which holds it until it has ended.")),
    "retrying": (gettext_lazy("retrying"), gettext_lazy("Failed, and goes back to its queue when it is due.")),
    "dead": (gettext_lazy("dead"), gettext_lazy("Failed for good, or cannot be read: kept for 180 days.")),
    "done": (gettext_lazy("done"), gettext_lazy("Did its work.")),
}


@register.filter
def state(name):
    return STATES[name][0]


@register.filter
def meaning(name):
    return STATES[name][1]


@register.filter
def since(started, finished=None):
    """How many seconds lie between two times, or between one and now."""
    return max(0, (finished or time.time()) - started)


@register.filter
def span(seconds):
    """A stretch of time in its largest fitting unit: "120 ms", "4.2 s", "3 min", "5 h", "12 d"."""
    if seconds is None:
        return "—"
    if 0 < seconds < 1:
        return _("%s ms") % max(1, round(seconds * 1000))
    if 0 < seconds < 10 and seconds % 1:
        return _("%s s") % number_format(seconds, 1)
    if seconds < 120:
        return _("%s s") % round(seconds)
    if seconds < 7200:
        return _("%s min") % int(seconds // 60)
    if seconds < 2 * 86400:
        return _("%s h") % int(seconds // 3600)
    return _("%s d") % number_format(int(seconds // 86400), force_grouping=True)


@register.simple_tag
def when(seconds):
    """A time, given in seconds since 1970: how far from now it is, and by the calendar where the mouse stays on it."""
    if seconds is None:
        return "—"
    moment, distance = datetime.fromtimestamp(seconds, UTC), seconds - time.time()
    told = _("in %s") % span(distance) if distance > 0 else _("%s ago") % span(round(-distance))
    whole = f"{date_format(moment, 'DATETIME_FORMAT')} UTC"
    return format_html('<time datetime="{}" title="{}">{}</time>', moment.isoformat(), whole, told)


@register.filter
def milliseconds(number):
    return span(None if number is None else number / 1000)


@register.filter
def percentile(measure, percent):
    return milliseconds(measure.percentile(percent / 100))


@register.filter
def count(number):
    """A number with the marks that the reader's language puts between thousands."""
    return "—" if number is None else number_format(number, force_grouping=True)


@register.filter
def plain(number):
    """A number as machines read it."""
    return repr(number)


@register.filter
def share(part, whole):
    """How much of the whole that is, in percent."""
    return f"{number_format(100 * part / whole, 0 if part >= whole / 10 else 1)} %" if whole else "—"


@register.filter
def per_minute(rate):
    return 60 * rate


@register.filter
def position(at):
    """The place in its queue, from 1, of a job that is `at` there."""
    return -at


@register.filter
def shell(word):
    """A word as it has to stand in a command."""
    return shlex.quote(word)


@register.filter
def hidden_secret(name, value):
    return job.shown(name, value)
