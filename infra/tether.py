"""`python -m infra.tether PID COMMAND …`: run a command that is told to stop when that process, its parent, is gone."""

import ctypes
import os
import signal
import sys


def tie():
    """On Linux: a SIGTERM for this process when its parent is gone, even if by kill -9 (prctl, PR_SET_PDEATHSIG)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)


if __name__ == "__main__":
    tie()
    if os.getppid() == int(sys.argv[1]):  # else it was gone before
        os.execvp(sys.argv[2], sys.argv[2:])
