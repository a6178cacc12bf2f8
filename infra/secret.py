"""`python -m infra.secret PATH`: make a secret key and keep it in a file; one that is there stays."""

import os
import secrets
import sys
from pathlib import Path


def make(path):
    """Create the file with a new key, readable by its owner alone, unless it exists."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Written whole under another name, then linked: of two processes one wins, and neither sees half a key.
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.touch(0o600)
    draft.write_text(secrets.token_urlsafe(50))
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m infra.secret PATH")
    make(Path(sys.argv[1]))
