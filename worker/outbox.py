"""Jobs in the database: those of a transaction that is not over, and those that Redis was not there to take.

A job that is enqueued within a transaction is a row of that transaction, so that both come to pass or neither does.
After the commit Redis is told of it, and its row deleted once Redis has it; should the process die in between, the
relay of any worker does both. A push counts once (`dedupe:{token}`), so it may be repeated. This is the transactional
outbox of microservices.io.
"""

import logging
import threading
from datetime import timedelta
from functools import partial

import redis
from celery.signals import worker_ready
from django.conf import settings
from django.db import Error, connections, reset_queries, router, transaction
from django.db.models import DurationField, ExpressionWrapper, F
from django.db.models.functions import Now

from worker import client, config, limits
from worker.told import count, told, warn

logger = logging.getLogger(__name__)

AGE = 5  # seconds after which a row is not waited for any more: whoever wrote it had time enough to push it
LOOK = 2  # seconds between looks for such rows
BATCH = 50  # rows that are relayed together, and are in memory then: each may hold a hundred jobs
# For `bulk_create` to come to this takes longer than all the rest of an enqueue.
INSERT = """INSERT INTO worker_outbox (token, queue, message, seconds, due) VALUES (%s, %s, %s, %s, %s)
            ON CONFLICT DO NOTHING"""


def install():
    """Have every job pass through here, and its rows looked after in every worker."""
    client.outbox = put
    client.begin()
    limits.cleaners.append(close_all)
    if settings.DEBUG:
        limits.cleaners.append(reset_queries)  # each is kept with its arguments, which may be a file
    if config.ENGINE == "kickstand":
        worker_ready.connect(start_relay, weak=False)


def close_all():
    """Those, too, that an interrupt has left in the middle of `atomic()`: their thread could never use them again."""
    for each in connections.all(initialized_only=True):
        each.close()
        if each.in_atomic_block:
            del connections[each.alias]


def put(entries):
    """Write jobs into the transaction that is open; else push them, or keep them as rows when Redis is away.

    Returns when they are safe. Raises a DatabaseError when they are not.
    """
    if database().in_atomic_block:
        write(entries)
        transaction.on_commit(partial(push, entries), using=database().alias)
        return
    try:
        client.send(entries)
    except redis.RedisError as error:
        write(entries)
        warn(entries, error)


def database():
    from worker.models import Outbox

    return connections[router.db_for_write(Outbox)]


def write(entries):
    """A row for each, whose jobs stand in lines of their own: a message is JSON, which has no other use for them."""
    rows = [(entry.token, entry.queue, b"\n".join(entry.messages), entry.seconds, entry.due) for entry in entries]
    with database().cursor() as cursor:
        if len(rows) == 1:  # to prepare for many takes PostgreSQL's driver longer than the row
            cursor.execute(INSERT, rows[0])
        else:
            cursor.executemany(INSERT, rows)


def push(entries):
    """Tell Redis of what was committed, and see to it that its rows go. What goes wrong here is left to the relay."""
    try:
        for entry in entries:
            client.tell(entry, partial(told.hear, entry))
    except redis.RedisError as error:
        warn(entries, error)
    told.settle_soon()


def left_over():
    """The rows of jobs that Redis was not there to take, or whose process was killed before it pushed them."""
    from worker.models import Outbox

    return Outbox.objects.filter(created_at__lt=Now() - timedelta(seconds=AGE))


def start_relay(**_):
    threading.Thread(target=keep_relaying, name="relay", daemon=True).start()


def keep_relaying():
    pause = threading.Event()
    while not pause.wait(LOOK):
        try:
            relay_all()
        except redis.RedisError:
            pass  # the client has said so
        except Error as error:
            logger.warning("the relay cannot read the outbox, trying again: %s", error)
        except Exception:  # or nobody would relay any more here
            logger.exception("the relay failed, trying again")
        finally:
            limits.clean()


def relay_all():
    refused = set()
    while relay(refused) == BATCH:
        pass


def relay(refused=None):
    """Push a batch of the rows that are left over; returns how many these were, or 0 when Redis takes none just now.
    Several may do this at once: each job counts once.

    refused: a set of tokens, to be passed over; those are added whose queue is no list in Redis.
    """
    refused = set() if refused is None else refused
    found = left_over().exclude(pk__in=refused)
    if not found.exists():
        return 0
    if database().features.has_select_for_update_skip_locked:  # then each takes rows of its own
        with transaction.atomic(using=database().alias):
            return push_rows(found.select_for_update(skip_locked=True), refused)
    # SQLite has one lock for all who write: a request would wait for it until Redis has answered here.
    return push_rows(found, refused)


def push_rows(found, refused):
    from worker.models import Outbox

    age = ExpressionWrapper(Now() - F("created_at"), DurationField())
    entries = [entry(row) for row in found.annotate(age=age).order_by("created_at")[:BATCH]]
    answers = zip(entries, client.answers(entries), strict=True)
    errors = {entry: answer for entry, answer in answers if isinstance(answer, redis.RedisError)}
    taken = [entry for entry in entries if entry not in errors]
    Outbox.objects.filter(pk__in=[entry.token for entry in taken]).delete()
    if taken:
        logger.info("relayed %d jobs from the database", count(taken))
    if errors:
        say_why(errors)
        refused.update(entry.token for entry in errors)
    # It says anything else to all of them, such as that it is full.
    return len(entries) if all(str(error).startswith("WRONGTYPE") for error in errors.values()) else 0


def say_why(errors):
    (first, error), *_ = errors.items()
    text = "Redis refuses %d jobs, which stay in the database, the first of them for %s: %s"
    logger.warning(text, count(errors), first.queue, error)


def entry(row):
    seconds = None if row.seconds is None else max(row.seconds - row.age.total_seconds(), 0)
    return client.Entry(row.token, row.queue, bytes(row.message).split(b"\n"), seconds, row.due)
