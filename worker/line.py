"""A connection to Redis without redis-py around each command, and the way in which threads share one."""

import os
import socket
import ssl
import struct
import threading
import time
from collections import deque
from contextlib import contextmanager
from functools import partial
from itertools import tee

import hiredis
import redis
from redis.exceptions import InvalidResponse, NoScriptError

from worker.connection import digest, source


class Line:
    """A connection to Redis, for those who run thousands of commands a second.

    redis-py connects, logs in and hangs up. What it does around a command (its pool's lock, retries, telemetry, the
    layers of its parser) takes longer than the command itself, so here commands go straight to its socket.

    owed: for each answer that nobody has waited for, who is to hear it. unanswered: how many bytes these were asked
    with. known: scripts that have been run here.
    """

    UNFINISHED = object()
    READ_AT_ONCE = 16 * 1024  # bytes of a connection, before Redis serves the others (its PROTO_IOBUF_LEN)

    def __init__(self, pool):
        # Not by the pool, which would count each that fails, and after a hundred of them make no more.
        self.connection = pool.connection_class(**pool.connection_kwargs)
        self.connection.connect()
        self.socket = self.connection._sock
        if not isinstance(self.socket, ssl.SSLSocket):  # which tries again and again when its time is over
            self.leave_timeout_to_the_system()
        self.reader = hiredis.Reader(
            protocolError=InvalidResponse,
            replyError=self.connection._parser.parse_error,
            notEnoughData=self.UNFINISHED,
        )
        self.owed, self.unanswered, self.known = deque(), 0, set()

    def leave_timeout_to_the_system(self):
        """Python would ask before each call whether it can be made without waiting."""
        seconds = self.socket.gettimeout()
        limit = struct.pack("ll", int(seconds), round(seconds % 1 * 1_000_000))
        self.socket.settimeout(None)
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            self.socket.setsockopt(socket.SOL_SOCKET, option, limit)

    def ask(self, commands):
        """The answers of commands, RedisErrors among them. Raises a RedisError when it may be that not all arrived."""
        with redis_errors():
            asked = [self.socket.sendall(hiredis.pack_command(words)) for words in commands]
            self.settle()
            return [self.answer() for _ in asked]

    def run(self, call):
        """The answer of a script, as (name, keys, arguments), which is sent first where Redis does not know it."""
        (answer,) = self.ask([evalsha(call)])
        if isinstance(answer, NoScriptError):
            name, *_ = call
            _, answer = self.ask([("SCRIPT", "LOAD", source(name)), evalsha(call)])
        return answer

    def tell(self, call, hear):
        """Run a script and go on; `hear` is called with its answer, or a RedisError, once somebody waits for one.

        Waited for is the first run, as Redis may not know the script, and what Redis does not read at once: whoever
        asks next, on whatever line, would be served before it.
        """
        name, *_ = call
        if name not in self.known:
            answer = self.run(call)
            self.known.add(name)
            hear(answer)
            return
        command = hiredis.pack_command(evalsha(call))
        with redis_errors():
            self.socket.sendall(command)
        self.owed.append(hear)
        self.unanswered += len(command)
        if self.unanswered > self.READ_AT_ONCE:
            self.settle()

    def settle(self):
        """Wait for the answers that are owed."""
        with redis_errors():
            while self.owed:
                answer = self.answer()
                self.owed.popleft()(answer)
            self.unanswered = 0

    def answer(self):
        while True:
            if (found := self.reader.gets()) is self.UNFINISHED:
                if not (data := self.socket.recv(65536)):
                    raise redis.ConnectionError("Redis has hung up")
                self.reader.feed(data)
            elif not isinstance(found, hiredis.PushNotification):  # which was not asked for, such as of maintenance
                return found

    def is_over(self):
        """Whether Redis has hung up: when all is answered, there is nothing else to be heard."""
        try:
            self.settle()
            return self.connection.can_read(0)
        except redis.ConnectionError:
            return True

    def hang_up(self):
        self.connection.disconnect()
        while self.owed:
            self.owed.popleft()(redis.ConnectionError("the line to Redis broke before it answered"))


@contextmanager
def redis_errors():
    """Raise what a socket raises as redis-py would."""
    try:
        yield
    except (BlockingIOError, TimeoutError) as error:
        raise redis.TimeoutError("no answer from Redis") from error
    except OSError as error:
        raise redis.ConnectionError(f"the line to Redis broke: {error}") from error


def evalsha(call):
    name, keys, args = call
    return ("EVALSHA", digest(name), len(keys), *keys, *args)


class Direct:
    """The same on one line, which is kept, and taken in turns: small plans of managed Redis have 20 for all."""

    STALE = 1  # seconds without use after which to look whether the server has hung up

    def __init__(self, client, breaker=None):
        """breaker: a function that gives the Breaker, which whoever has waited for the line asks whether Redis is
        away."""
        self.pool, self.breaker = client.connection_pool, breaker
        self.begin()
        os.register_at_fork(after_in_child=self.begin)

    def begin(self):
        self.line, self.used = None, 0
        # No lock that is Python code: a job that is interrupted within it takes the wake-up of another along, and that
        # waits for ever.
        self.lock = threading.Lock()

    def forget(self):
        """Connect anew the next time."""
        with self.lock:
            if self.line:
                self.line.hang_up()
            self.line = None

    def __getattr__(self, name):
        run = partial(self.run, name)
        setattr(self, name, run)
        return run

    def command(self, *words):
        """The answer of a command. Raises a RedisError."""
        (answer,) = self.send([words])
        if isinstance(answer, Exception):
            raise answer
        return answer

    def run(self, name, keys, args=()):
        """The answer of a script. Raises a RedisError."""
        answer = self.use(Line.run, (name, keys, args))
        if isinstance(answer, Exception):
            raise answer
        return answer

    def tell(self, name, keys, args, hear):
        """Run a script without waiting for it. `hear` is called with the answer, a RedisError if it is one, by whoever
        uses the line next or settles it, and who has it then: `hear` must not use it itself. Raises a RedisError when
        the script could not be sent, or an answer did not come that had to be waited for."""
        self.use(Line.tell, (name, keys, args), hear)

    def settle(self):
        """Wait for what was told. Raises a RedisError when not all answers came."""
        with self.lock:
            is_open = self.line is not None
        if is_open:
            self.use(Line.settle)

    def run_many(self, calls):
        """The answers of scripts, each (name, keys, args) and sent as it comes, in one round trip.

        What Redis refuses has a RedisError for an answer. All run again when it had forgotten one: they have to bear
        that. Raises a RedisError when it may be that not all ran.
        """
        calls, again, loads = tee(calls, 3)
        answers = self.send(map(evalsha, calls))
        if any(isinstance(answer, NoScriptError) for answer in answers):
            self.send([("SCRIPT", "LOAD", source(name)) for name in {name for name, *_ in loads}])
            answers = self.send(map(evalsha, again))
        return answers

    def send(self, commands):
        return self.use(Line.ask, commands)

    def use(self, deed, *args):
        with self.lock:
            if self.breaker:
                self.breaker().check()
            line, self.line = self.line, None
            try:
                line = self.ready(line)
                done = deed(line, *args)
            except BaseException as error:
                if line:
                    line.hang_up()  # an answer may be under way, and would be taken for that of the next command
                if self.breaker and isinstance(error, redis.TimeoutError):
                    self.breaker().trip(error)  # before the next one has the line, and waits as long again
                raise
            self.line, self.used = line, time.monotonic()
            return done

    def ready(self, line):
        if line and time.monotonic() - self.used > self.STALE and line.is_over():
            line.hang_up()
            line = None
        return line or Line(self.pool)
