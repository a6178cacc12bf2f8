"""The hooks that are open to other services: those of hooks.json that have a secret in the environment."""

import base64
import json
import re
from pathlib import Path
from typing import NamedTuple

from worker import env, keys
from worker.errors import ConfigurationError

TABLE = Path(__file__).with_name("hooks.json")  # infra/edge reads it too


class Hook(NamedTuple):
    task: str
    queue: str


def hooks(path=TABLE):
    """What each hook enqueues, by its name, whether or not it is open."""
    found = {}
    for name, entry in json.loads(path.read_text()).items():
        hook = Hook(entry["task"], entry["queue"])
        fine = re.fullmatch(r"[\w-]{1,64}", name, re.ASCII) and re.fullmatch(r"[\w.]{1,255}", hook.task, re.ASCII)
        if not fine or not re.fullmatch(r"[\w.-]{1,64}", hook.queue, re.ASCII) or keys.is_ours(hook.queue):
            raise ConfigurationError(
                f"{path} has {name!r}: {hook}: use letters, digits, _ and - for its name, a dotted path for its task, "
                "and a queue that is not one of Kickstand's own keys"
            )
        found[name] = hook
    return found


def secrets(path=TABLE):
    """The secrets of each hook that is open."""
    variables = {name: entry["secret"] for name, entry in json.loads(path.read_text()).items()}
    found = {name: [decoded(variable, text) for text in words(variable)] for name, variable in variables.items()}
    return {name: known for name, known in found.items() if known}


def words(variable):
    return env.text(variable).replace(",", " ").split()


def decoded(variable, text):
    """A secret as Standard Webhooks writes it."""
    try:
        secret = base64.b64decode(text.removeprefix("whsec_"), validate=True)
    except ValueError:
        secret = b""
    if not text.startswith("whsec_") or not 24 <= len(secret) <= 64:
        raise ConfigurationError(
            f"{variable} is not a secret as Standard Webhooks has it: use whsec_ and base64 of 24 to 64 random bytes; "
            "several are separated by spaces"
        )
    return secret
