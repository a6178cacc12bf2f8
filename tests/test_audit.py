"""pip-audit asks a server of ours here, which knows what a test lets it know."""

import json
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from infra.audit import verdict
from tests.servers import ROOT, free_port


@pytest.fixture
def advisories():
    """The address of a service that has one advisory, for the versions of the packages in `vulnerable`."""

    class Service(BaseHTTPRequestHandler):
        def do_POST(self):
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["package"]
            flaw = {"id": "TEST-1", "summary": "a hole", "affected": [{"package": asked, "ranges": []}]}
            body = json.dumps({"vulns": [flaw]} if asked["name"] in vulnerable else {}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    vulnerable = set()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1/query", vulnerable
    server.shutdown()
    server.server_close()


def audit(url):
    command = [sys.executable, "-m", "infra.audit", "--vulnerability-service", "osv", "--osv-url", url]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_a_vulnerable_package_is_named(advisories):
    url, vulnerable = advisories
    vulnerable.add("pillow")

    found = audit(url)

    assert found.returncode == 1
    assert "pillow" in found.stdout
    assert "TEST-1" in found.stdout


def test_a_service_that_is_away_is_no_clean_bill():
    away = audit(f"http://127.0.0.1:{free_port()}/v1/query")
    assert away.returncode == 3
    assert "NOT done" in away.stderr
    assert "Traceback" not in away.stderr


def test_packages_that_the_service_does_not_know_are_not_clean(capsys):
    known, skipped = {"name": "a", "version": "1", "vulns": []}, {"name": "b", "skip_reason": "not found"}

    assert verdict([known]) == 0
    assert "1 packages, none with a known vulnerability" in capsys.readouterr().out
    assert verdict([known, skipped]) == 3
    assert verdict([]) == 3
    assert "1 of 2 packages (b" in capsys.readouterr().err
