"""The jobs that somebody's own requests have enqueued: the names by which they ask after them, and how these stand.

A name is the job's id, signed for one user: nothing has to be kept, and nobody can ask after the job of another. How a
job stands is one value in Redis, which is there for tasks with `keep_result`; of others no job is named.
"""

from django.core.signing import BadSignature, Signer
from django.tasks import TaskResultStatus, default_task_backend
from django.tasks.exceptions import TaskResultDoesNotExist
from django.utils import timezone

from worker.job import State

UNKNOWN = "unknown"
STATES = {
    TaskResultStatus.RUNNING: State.RUNNING,
    TaskResultStatus.SUCCESSFUL: State.DONE,
    TaskResultStatus.FAILED: State.DEAD,
}


def name(user, id):
    return signer(user).sign(id)


def opened(user, name):
    """The id of the job of this name; None when it was not made for this user."""
    try:
        return signer(user).unsign(name)
    except BadSignature:
        return None


def signer(user):
    return Signer(salt=f"job of user {user.pk}", sep=".")


def state(id):
    """The job's State, or "unknown" when nothing is kept of it, any more or at all. Raises a RedisError."""
    if not default_task_backend.supports_get_result:
        return UNKNOWN
    try:
        result = default_task_backend.get_result(id)
    except TaskResultDoesNotExist:
        return UNKNOWN
    return STATES.get(result.status) or before_it_runs(result)


def before_it_runs(result):
    if result.errors:
        return State.RETRYING
    due = result.task.run_after
    return State.SCHEDULED if due and due > timezone.now() else State.WAITING
