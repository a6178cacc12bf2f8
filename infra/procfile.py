"""The Procfile: how each kind of process is started."""

from worker import env


def commands():
    """`{name: command}`, in the order of the file."""
    lines = (env.ROOT / "Procfile").read_text().splitlines()
    return dict(line.split(": ", 1) for line in lines if line)
