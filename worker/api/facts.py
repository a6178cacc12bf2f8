"""What the jobs Redis tells of itself."""

from typing import NamedTuple

from worker.api.connection import connection


class Facts(NamedTuple):
    """Sizes in bytes; None is what it did not tell, as many managed ones do not."""

    name: str  # "Redis" or "Valkey"
    version: str | None
    uptime: int | None  # seconds
    memory: int | None
    peak: int | None
    limit: int | None  # None when there is none
    connections: int | None
    commands: int | None  # in a second
    policy: str | None
    evicted: int | None  # keys, since it started
    log: bool | None  # whether it writes each change to disk
    saved: int | None  # seconds since 1970; the last snapshot


def facts():
    """The Facts of now."""
    info = connection().info()
    valkey = info.get("valkey_version")
    log = info.get("aof_enabled")
    return Facts(
        name="Valkey" if valkey else "Redis",
        version=str(valkey or info.get("redis_version") or "") or None,
        uptime=info.get("uptime_in_seconds"),
        memory=info.get("used_memory"),
        peak=info.get("used_memory_peak"),
        limit=info.get("maxmemory") or None,
        connections=info.get("connected_clients"),
        commands=info.get("instantaneous_ops_per_sec"),
        policy=info.get("maxmemory_policy"),
        evicted=info.get("evicted_keys"),
        log=None if log is None else bool(log),
        saved=info.get("rdb_last_save_time"),
    )
