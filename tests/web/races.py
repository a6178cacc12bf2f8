from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import pytest
from django.db import connection, connections

one_writer = pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer at a time")


def at_once(*deeds):
    """Run the deeds in threads that start together, each on a connection of its own; return what they returned."""
    start = Barrier(len(deeds))

    def run(deed):
        try:
            start.wait(10)
            return deed()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(deeds)) as threads:
        return [thread.result(60) for thread in [threads.submit(run, deed) for deed in deeds]]


def in_the_middle(deed, statement, other):
    """Do the other when the deed has executed such a statement, until it is over or waits; return what both did."""
    begun, over = Event(), Event()

    def pause(execute, sql, *rest):
        done = execute(sql, *rest)
        if sql.startswith(statement) and not begun.is_set():
            begun.set()
            over.wait(0.7)
        return done

    def first():
        with connection.execute_wrapper(pause):
            return deed()

    def second():
        assert begun.wait(20)
        try:
            return other()
        finally:
            over.set()

    return at_once(first, second)


def posting(browser, address, data=None):
    """A deed that posts and returns the status."""
    return lambda: browser.post(address, data).status_code
