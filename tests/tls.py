"""TLS in front of a Redis, as managed Redis has it: with a certificate that nobody signed."""

import socket
import ssl
import subprocess
import threading
from contextlib import suppress


def context(folder):
    files = {"-keyout": folder / "key.pem", "-out": folder / "certificate.pem"}
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=elsewhere"]
    subprocess.run([*command, *map(str, sum(files.items(), ()))], check=True, capture_output=True)
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    made.load_cert_chain(files["-out"], files["-keyout"])
    return made


class Terminator:
    """Ends TLS, and passes on to the port of Redis what it hears."""

    def __init__(self, folder, port):
        self.context, self.port, self.handshakes = context(folder), port, 0
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"rediss://127.0.0.1:{self.listener.getsockname()[1]}/0"
        threading.Thread(target=self.accept, daemon=True).start()

    def stop(self):
        self.listener.close()

    def accept(self):
        with suppress(OSError):
            while True:
                plain, _ = self.listener.accept()
                threading.Thread(target=self.serve, args=(plain,), daemon=True).start()

    def serve(self, plain):
        with suppress(OSError), self.context.wrap_socket(plain, server_side=True) as line:
            self.handshakes += 1
            with socket.create_connection(("127.0.0.1", self.port)) as server:
                threading.Thread(target=pass_on, args=(server, line), daemon=True).start()
                pass_on(line, server)


def pass_on(source, target):
    with suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)
