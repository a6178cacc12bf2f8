"""One line for each thing that happens to a job, with the traceback after a failure's; and the form of every line."""

import json
import logging
import logging.config
import os
import sys
import threading
import time
from collections import deque
from functools import cache

from worker import config, job

logger = logging.getLogger("worker")


def settings(handler="worker.log.Whole"):
    """The logging configuration of web and worker alike, as `logging.config.dictConfig` takes it."""
    find_less()
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {name: {"()": make} for name, make in FORMATTERS.items()},
        "handlers": {
            "stdout": {
                "class": handler,
                # A command's stdout is for what it prints, so that it can be piped.
                "stream": "ext://sys.stderr" if sys.argv[0].endswith("manage.py") else "ext://sys.stdout",
                "formatter": config.LOG_FORMAT,
            }
        },
        "root": {"handlers": ["stdout"], "level": config.LOG_LEVEL},
        "loggers": {
            # Their own handlers would print these lines a second time, or in a form of their own.
            "django": {"handlers": [], "propagate": True},
            "gunicorn.error": {"handlers": [], "propagate": True, "level": "INFO"},
            # These tell what the lines below tell, and those of web/traffic.py, with less in them.
            "gunicorn.access": {"handlers": [], "level": "CRITICAL"},
            "django.request": {"level": "ERROR"},
            "django.tasks": {"level": "CRITICAL"},
            "celery.app.trace": {"level": "CRITICAL"},
            "celery.worker.strategy": {"level": "WARNING"},
        },
    }


def find_less():
    """The place in the code and the task of asyncio, which no line here says, cost a third of one (HOWTO of `logging`).

    Not for whoever imports this: a program that only enqueues has a log of its own, which may say them.
    """
    logging._srcfile = None
    logging.logAsyncioTasks = logging.logMultiprocessing = False


@cache
def begin():
    """The log of a worker."""
    logging.config.dictConfig(settings("worker.log.Together"))
    capture()


def write_together():
    """Have the lines of this process written as Together does, with what else its handlers do to them. For a process
    of web: what forks it keeps as few threads as it can."""
    root = logging.getLogger()
    for plain in root.handlers[:]:
        if type(plain) is Whole:
            handler = Together(plain.stream)
            handler.setFormatter(plain.formatter)
            handler.filters = plain.filters
            root.removeHandler(plain)
            root.addHandler(handler)


def capture():
    """Make lines of what Python would print by itself: warnings, and errors that nobody caught."""
    logging.captureWarnings(True)
    sys.excepthook = uncaught
    threading.excepthook = lambda found: uncaught(found.exc_type, found.exc_value, found.exc_traceback)


def uncaught(kind, error, trace):
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
    elif not issubclass(kind, SystemExit):  # with which a thread may end itself
        logger.critical("%s was not caught", kind.__name__, exc_info=(kind, error, trace))


class Whole(logging.StreamHandler):
    """Is never in the middle of a line when its process forks: the child's stream would be locked for ever."""

    def __init__(self, stream=None):
        super().__init__(stream)
        os.register_at_fork(before=self.acquire, after_in_parent=self.release)  # the child's lock is a new one


class Together(Whole):
    """Writes its lines together, a moment after the first of them; a warning, and what is worse, at once.

    Every write lets go of the interpreter, and where 25 threads run jobs another one takes it: to write each line by
    itself costs more than a short job does.
    """

    MOMENT = 0.05  # seconds; what `kill -9` takes along of the log

    def __init__(self, stream=None):
        super().__init__(stream)
        self.start()
        os.register_at_fork(after_in_child=self.start)  # the parent writes what it has, and keeps its thread

    def start(self):
        self.lines, self.wanted = deque(), threading.Event()
        threading.Thread(target=self.write, name="log", daemon=True).start()

    def handle(self, record):
        """Without the lock that `logging` holds meanwhile: threads would stand in line for it."""
        if record := self.filter(record):
            self.emit(record)
        return record

    def emit(self, record):
        try:
            self.lines.append(self.format(record) + self.terminator)
            if record.levelno >= logging.WARNING:
                self.flush()
        except Exception:
            self.handleError(record)
        if not self.wanted.is_set():
            self.wanted.set()

    def write(self):
        while self.wanted.wait():
            time.sleep(self.MOMENT)
            self.wanted.clear()  # first: who comes while lines are taken asks again
            try:
                self.flush()
            except Exception:
                self.handleError(None)

    def flush(self):
        with self.lock:
            text = "".join(self.lines.popleft() for _ in range(len(self.lines)))
            if not text:
                return
            try:
                self.stream.write(text)
            except UnicodeEncodeError:  # half a character, as of a file name, or a terminal that has few of them
                encoding = self.stream.encoding
                self.stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
            super().flush()


def belongs_to():
    """The job and the request that this thread works for, as {field: text}."""
    running, asking = job.current.get(), job.origin.get()
    request = asking.known() if asking else {}
    if running is None:
        return request
    told = {"job": running.id, "task": running.name, "queue": running.queue, "attempt": running.attempt}
    return told | {name.removesuffix("_id"): value for name, value in running.request.items()} | request


class TextFormatter(logging.Formatter):
    """Says after a line to what it belongs, unless it says so itself."""

    second = 0, ""  # the last one, and its text

    def format(self, record):
        if record.exc_info or record.stack_info:
            return super().format(record)
        record.message = record.getMessage()
        return self.formatMessage(record)

    def formatMessage(self, record):
        line = (
            f"{self.formatTime(record)} {record.levelname} pid={record.process} thread={record.threadName} "
            f"{record.name}: {record.message}"
        )
        running = job.current.get()
        if running and running.id in record.message:
            return line
        found = belongs_to()
        return f"{line} [{' '.join(f'{name}={value}' for name, value in found.items())}]" if found else line

    def formatTime(self, record, datefmt=None):
        second, text = self.second
        if second != int(record.created):
            second = int(record.created)
            text = time.strftime(self.default_time_format, time.localtime(second))
            self.second = second, text
        return f"{text},{int(record.msecs):03}"


class JsonFormatter(logging.Formatter):
    def format(self, record):
        line = belongs_to()
        if within := job.current.get() or job.origin.get():
            line["elapsed"] = round(within.elapsed, 3)
        line |= getattr(record, "fields", {})
        line |= {
            "time": self.formatTime(record),
            "level": record.levelname,
            "logger": record.name,
            "pid": record.process,
            "thread": record.threadName,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


FORMATTERS = {"text": TextFormatter, "json": JsonFormatter}


def say(text, *_):
    """Write a line from within the handler of a signal, where the log may be in the middle of one."""
    record = logging.makeLogRecord({"name": "celery", "levelname": "INFO", "msg": text})
    os.write(sys.stdout.fileno(), f"{FORMATTERS[config.LOG_FORMAT]().format(record)}\n".encode())


def is_wanted():
    """Whether there is a line for each thing that happens to a job."""
    return logger.isEnabledFor(logging.INFO)


def enqueued(name, id, queue, parameters, args, kwargs):
    """`parameters`: the names of those that the arguments fill, from the first."""
    if is_wanted():
        fields = {"job": id, "task": name, "queue": queue, "attempt": 0}
        if by := job.current.get():
            fields["enqueued_by"] = by.id
        arguments = job.masked(parameters, args, kwargs)
        logger.info("enqueued %s job=%s queue=%s %s", name, id, queue, arguments, extra={"fields": fields})


def started(running, parameters, args, kwargs):
    if is_wanted():
        arguments = job.masked(parameters, args, kwargs)
        text = "start %s job=%s queue=%s attempt=%d %s"
        logger.info(text, running.name, running.id, running.queue, running.attempt, arguments)


def done(running):
    logger.info("done %s job=%s elapsed=%.3fs", running.name, running.id, running.elapsed)


def failed(running, traceback):
    text = "failed %s job=%s attempt=%d elapsed=%.3fs\n%s"
    logger.error(text, running.name, running.id, running.attempt, running.elapsed, traceback.rstrip())


def retrying(running, error, seconds):
    text = "retry in %ds %s job=%s attempt=%d elapsed=%.3fs error=%r"
    about = running.name, running.id, running.attempt, running.elapsed
    logger.warning(text, seconds, *about, error, exc_info=error)


def overran(running):
    logger.error("hard time limit %s job=%s: this worker ends, since its thread cannot", running.name, running.id)


def died(death, error):
    fields = {"job": death.id, "task": death.name, "queue": death.queue}
    text = "dead %s job=%s queue=%s error=%r"
    logger.error(text, death.name, death.id, death.queue, error, extra={"fields": fields})
