from tests.smoke.site import check


def test_healthz(stranger):
    """The process answers."""
    check(stranger.see("/healthz").text == "ok\n", "/healthz does not say ok")


def test_readyz(stranger):
    """Database, Redis, workers and cache are there."""
    response = stranger.get("/readyz", params={"full": 1})
    away = ", ".join(f"{name}: {state}" for name, state in response.json().items() if state != "ok")
    check(response.status_code == 200, f"/readyz?full=1 answers {response.status_code}, with {away or response.text}")
