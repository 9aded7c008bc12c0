"""A failed health check is told with its check, its endpoint and its reason, whatever the kubelet's own words."""

from __future__ import annotations

import pytest

from moorage.observe.checks import endpoint, failed_check
from tests.unit.observe_samples import event, pod

GET = 'Readiness probe failed: Get "https://10.1.0.3:8000/ready"'
COMMAND_TIMED_OUT = 'command timed out: "sh -c test -f /up" timed out after 1s'
NOT_THERE = (
    'rpc error: code = Unknown desc = failed to exec in container: OCI runtime exec failed: exec: "nope": '
    "executable file not found in $PATH"
)


@pytest.mark.parametrize(
    ("said", "check", "asked", "reason"),
    [
        (
            "Liveness probe failed: HTTP probe failed with statuscode: 503",
            "liveness",
            "GET http://:8000/health",
            "HTTP 503",
        ),
        (
            'Readiness probe failed: Get "https://10.1.0.3:8000/ready": dial tcp 10.1.0.3:8000: connect: connection refused',
            "readiness",
            "GET https://:8000/ready",
            "connection refused",
        ),
        (
            f"{GET}: context deadline exceeded (Client.Timeout exceeded while awaiting headers)",
            "readiness",
            "GET https://:8000/ready",
            "no answer within 3 s",
        ),
        (
            'Liveness probe failed: Get "http://10.1.0.3:8000/health": EOF',
            "liveness",
            "GET http://:8000/health",
            "connection closed without an answer",
        ),
        (
            f'{GET}: net/http: HTTP/1.x transport connection broken: malformed HTTP status code "x"',
            "readiness",
            "GET https://:8000/ready",
            "malformed HTTP answer",
        ),
        (
            "Startup probe failed: no rows\n  of table\n",
            "startup",
            "exec sh -c 'test -f /up'",
            "the command failed: no rows of table",
        ),
        ("Startup probe failed: ", "startup", "exec sh -c 'test -f /up'", "the command failed"),
        # What a command itself writes of deadlines is its own reason, and no timeout of the check.
        (
            "Startup probe failed: job timed out",
            "startup",
            "exec sh -c 'test -f /up'",
            "the command failed: job timed out",
        ),
        (f"Startup probe failed: {COMMAND_TIMED_OUT}", "startup", "exec sh -c 'test -f /up'", "no answer within 1 s"),
        (
            f"Startup probe errored and resulted in unknown state: {NOT_THERE}",
            "startup",
            "exec sh -c 'test -f /up'",
            "the command could not be started: executable file not found",
        ),
        (
            "(combined from similar events): Liveness probe failed: HTTP probe failed with statuscode: 500",
            "liveness",
            "GET http://:8000/health",
            "HTTP 500",
        ),
    ],
)
def test_a_failed_check_has_its_check_endpoint_and_reason(said: str, check: str, asked: str, reason: str) -> None:
    about = pod()
    entry = failed_check(event(about, "Unhealthy", said, count=3), about)
    assert entry
    assert entry.as_dict() == {
        "time": "2026-11-29T03:00:05.000Z",
        "level": "warning",
        "message": "health check failed",
        "namespace": "harbour-dev",
        "service": "backend",
        "pod": "backend-5f-x",
        "container": "backend",
        "check": check,
        "endpoint": asked,
        "reason": reason,
        "count": 3,
    }


@pytest.mark.parametrize(
    ("reason", "message"),
    [("Killing", "Container backend failed liveness probe, will be restarted"), ("Unhealthy", "something else")],
)
def test_no_other_event_is_taken_for_a_failed_check(reason: str, message: str) -> None:
    about = pod()
    assert failed_check(event(about, reason, message), about) is None


def test_the_output_of_a_command_is_one_line_of_bounded_length() -> None:
    about = pod()
    entry = failed_check(event(about, "Unhealthy", "Startup probe failed: " + "word\n" * 500), about)
    assert entry
    assert len(entry.fields["reason"]) < 250
    assert "\n" not in entry.to_json()


@pytest.mark.parametrize(
    ("probe", "asked"),
    [
        ({"tcpSocket": {"port": "db"}}, "tcp :5432"),
        ({"tcpSocket": {"port": 6379, "host": "redis"}}, "tcp redis:6379"),
        ({"grpc": {"port": 9000, "service": "ready"}}, "grpc :9000/ready"),
        ({"httpGet": {"port": 80}}, "GET http://:80/"),
        ({}, ""),
    ],
)
def test_every_kind_of_check_says_what_it_asks(probe: dict[str, object], asked: str) -> None:
    assert endpoint(probe, {"ports": [{"name": "db", "containerPort": 5432}]}) == asked
