import signal


def kill(server):
    server.stop(signal.SIGKILL)


def hang(server):
    server.process.send_signal(signal.SIGSTOP)


def bring_back(server):
    if server.process.poll() is None:
        server.process.send_signal(signal.SIGCONT)
    else:
        server.start()
