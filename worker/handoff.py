"""How fetched jobs get to the threads of a worker."""

from collections import deque
from queue import SimpleQueue


class Handoff:
    """Gives jobs to threads, and has one of them fetch more when there are none.

    A thread that has taken a job wakes one other, if there is more to do, and then starts. While jobs are short it runs
    through them, and fetches the next, without a wait; the other finds nothing when its turn comes. As soon as it
    blocks, the other goes on (the Leader/Followers pattern of Schmidt et al.). Were all woken they would stand in line
    for the interpreter, and were there a thread that only fetches, each batch would wait for the kernel to run it.
    """

    def __init__(self):
        self.jobs, self.wakes, self.is_waking = deque(), SimpleQueue(), False

    def put(self, jobs):
        self.jobs.extend(jobs)
        self.wake()

    def wake(self):
        if not self.is_waking:
            self.is_waking = True
            self.wakes.put(None)

    def get(self, refill):
        """The next job. `refill()` may put some, and says whether to look again at once."""
        while True:
            try:
                return self.jobs.popleft()
            except IndexError:
                if not refill():
                    self.wakes.get()
                    self.is_waking = False  # before it looks, so that nothing is missed that was put meanwhile
