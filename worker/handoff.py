"""How fetched jobs get to the threads of a worker."""

from collections import deque
from queue import SimpleQueue


class Handoff:
    """Gives fetched jobs to idle threads, and wakes no more of them than have something to do.

    A thread that is woken wakes the next one, if there is more, and then starts. While jobs are short one thread runs
    through them without a wait; as soon as one blocks, the next thread goes on. Waking them all at once would make them
    stand in line for the interpreter, which costs more than a short job.
    """

    def __init__(self):
        self.jobs, self.wakes = deque(), SimpleQueue()

    def __len__(self):
        return len(self.jobs)

    def put(self, jobs):
        self.jobs.extend(jobs)
        self.wakes.put(None)

    def get(self):
        while True:
            try:
                return self.jobs.popleft()
            except IndexError:
                self.wakes.get()
            if len(self.jobs) > 1:
                self.wakes.put(None)
