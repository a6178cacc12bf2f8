"""Somebody who likes one photo after another, alone or in ten threads; told are the milliseconds of each."""

import http.client
import os
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count, repeat
from threading import local
from urllib.parse import urlsplit

SESSION, TOKEN = os.environ["BENCH_SESSION"], 32 * "a"
ADDRESS = urlsplit(os.environ["BENCH_URL"])
HEADERS = {
    "Cookie": f"sessionid={SESSION}; csrftoken={TOKEN}",
    "X-CSRFToken": TOKEN,
    "HX-Request": "true",
    "Content-Type": "application/x-www-form-urlencoded",
}
posts = count(1)
mine = local()


def actions():
    return {"alone": among(1), "among_ten": among(10)}


def among(threads):
    pool = ThreadPoolExecutor(threads)
    return lambda likes: list(pool.map(like, repeat(None, likes)))


def like(_):
    if not hasattr(mine, "connection"):
        mine.connection = http.client.HTTPConnection(ADDRESS.hostname, ADDRESS.port)
    began = time.perf_counter()
    mine.connection.request("POST", f"/posts/{next(posts)}/like/", b"", HEADERS)
    answer = mine.connection.getresponse()
    body = answer.read()
    if answer.status != 200 or b"unlike" not in body:
        raise SystemExit(f"a like was answered with {answer.status}: {body[:500]}")
    return (time.perf_counter() - began) * 1000
