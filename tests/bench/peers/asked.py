"""`python asked.py MODULE`: does what a line of its input asks for, `ACTION COUNT`.

The actions are those of the module, as functions of a count. The answer is JSON: the seconds it took, and what the
function returned. What it prints goes to the standard error.
"""

import importlib
import json
import os
import sys
import time


def main():
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    actions = importlib.import_module(sys.argv[1]).actions()
    for line in sys.stdin:
        name, count = line.split()
        began = time.perf_counter()
        returned = actions[name](int(count))
        answers.write(json.dumps([time.perf_counter() - began, returned]) + "\n")


def each(call):
    """An action that makes one call after another."""

    def action(count):
        for number in range(count):
            call(number)

    return action


if __name__ == "__main__":
    sys.path.insert(0, "")
    main()
