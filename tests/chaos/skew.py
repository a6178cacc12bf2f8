"""`python -m tests.chaos.skew SECONDS MODULE …`: run a module in a process whose clock is wrong by so much.

What Python programs read, `time.time()` and `datetime.now()`, is shifted; the machine's clock, and so Redis', is not.
"""

import datetime
import runpy
import sys
import time


def shift(seconds):
    real, true = time.time, datetime.datetime

    class Kind(type):
        def __instancecheck__(cls, value):  # what C code makes is a datetime as well
            return isinstance(value, true)

    class Skewed(true, metaclass=Kind):
        @classmethod
        def now(cls, tz=None):
            return cls.fromtimestamp(real() + seconds, tz)

        @classmethod
        def utcnow(cls):
            return cls.now(datetime.UTC).replace(tzinfo=None)

    time.time = lambda: real() + seconds
    datetime.datetime = Skewed


if __name__ == "__main__":
    _, seconds, module, *arguments = sys.argv
    shift(float(seconds))
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
