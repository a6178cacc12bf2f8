"""A silent client is given up after a while, and a slow one is not."""

import socket
import threading
import time

import pytest

from infra import patience

SIZE = 4 * 1024 * 1024  # bytes, more than the system keeps for somebody who does not read


@pytest.fixture
def ends(monkeypatch):
    """That of web, and that of a client."""
    monkeypatch.setattr(patience, "SECONDS", 4)
    ours, client = socket.socketpair()
    with patience.Connection(ours) as connection, client:
        yield connection, client


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "large"
    path.write_bytes(bytes(SIZE))
    with path.open("rb") as file:
        yield file


def test_a_client_that_says_nothing(ends):
    connection, client = ends
    client.sendall(b"begin")
    assert connection.recv(100) == b"begin"
    with pytest.raises(ConnectionResetError, match="silent for 4 s"):
        connection.recv(100)
    assert client.recv(100) == b""
    assert connection.recv(100) == b""  # and is not waited for again


def test_a_client_that_takes_nothing_of_a_page(ends):
    connection, _ = ends
    with pytest.raises(ConnectionResetError, match="silent for 4 s"):
        connection.sendall(bytes(SIZE))


def test_a_client_that_takes_nothing_of_a_file(ends, file):
    connection, _ = ends
    with pytest.raises(ConnectionResetError, match="silent for 4 s"):
        connection.sendfile(file)


@pytest.mark.parametrize("send", ["sendall", "sendfile"])
def test_a_client_that_takes_its_time_gets_all(ends, file, send):
    connection, client = ends
    sending = threading.Thread(target=getattr(connection, send), args=[bytes(SIZE) if send == "sendall" else file])
    began = time.monotonic()
    sending.start()
    taken = 0
    while taken < SIZE and (data := client.recv(SIZE // 16)):
        taken += len(data)
        time.sleep(0.3)
    sending.join()
    assert taken == SIZE
    assert time.monotonic() - began > patience.SECONDS
    assert connection.gettimeout() is None
