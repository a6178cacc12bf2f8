"""Finds keys of Redis by their type, a few at a time."""

from worker.api.connection import connection

STEP = 1000  # keys


class Walk:
    """A walk through all keys of Redis in several looks, which remembers what it has found."""

    def __init__(self, type, wanted, match=None):
        """type: such as "list". wanted: a function that says whether to keep a name. match: a pattern of SCAN."""
        self.type, self.wanted, self.match = type, wanted, match
        self.cursor, self.found, self.complete = 0, set(), False

    def look(self, most):
        """Look at about `most` keys more, or at all for None; returns the names found so far, as a set."""
        looked = 0
        if most is None:
            self.cursor = 0
        while most is None or looked < most:
            self.cursor, names = connection().scan(self.cursor, self.match, STEP, self.type)
            self.found |= {name for name in map(decoded, names) if name and self.wanted(name)}
            looked += STEP
            if self.cursor == 0:
                self.complete = True
                break
        return set(self.found)


def decoded(name):
    """A key's name as text; None for bytes that no queue or process can be called."""
    try:
        return name.decode()
    except UnicodeDecodeError:
        return None
