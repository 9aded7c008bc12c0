"""Network policies: every flow that the stack needs is open, every other one is shut."""

from __future__ import annotations

import pytest

from tests.support.stack import Stack, eventually

pytestmark = pytest.mark.live

PROBE = "import socket,sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 2); print('open')"


def connects(dev: Stack, workload: str, host: str, port: int) -> bool:
    """Whether a process in a pod of ``workload`` reaches ``host:port``."""
    output = dev.kubectl("exec", f"deployment/{workload}", "--", "python3", "-c", PROBE, host, str(port), check=False)
    return "open" in output


@pytest.mark.parametrize(
    ("workload", "host", "port"), [("backend", "postgres", 5432), ("backend", "redis", 6379), ("worker", "redis", 6379)]
)
def test_a_declared_need_is_open(dev: Stack, workload: str, host: str, port: int) -> None:
    assert connects(dev, workload, host, port)


@pytest.mark.parametrize(
    ("workload", "host", "port"),
    [
        ("worker", "frontend", 8080),
        ("worker", "backend", 8000),
        ("backend", "frontend", 8080),
        ("backend", "traefik.ingress.svc.cluster.local", 80),
        ("backend", "kubernetes.default.svc.cluster.local", 443),
    ],
)
def test_what_is_not_declared_is_shut(dev: Stack, workload: str, host: str, port: int) -> None:
    assert not connects(dev, workload, host, port)


def test_a_pod_of_another_namespace_reaches_nothing_of_the_stack(dev: Stack) -> None:
    """The same connections from a pod outside fail, though the pod itself may send what it likes."""
    image = dev.objects("deployments", "--field-selector=metadata.name=backend")[0]["spec"]["template"]["spec"][
        "containers"
    ][0]["image"]
    name = "moorage-outsider"
    dev.kubectl("delete", "namespace", name, "--ignore-not-found", "--wait=true")
    dev.kubectl("create", "namespace", name)
    try:
        dev.kubectl(
            f"--namespace={name}",
            "run",
            "outsider",
            f"--image={image}",
            "--restart=Never",
            "--command",
            "--",
            "python3",
            "-c",
            "import time; time.sleep(600)",
        )
        dev.kubectl(f"--namespace={name}", "wait", "--for=condition=Ready", "pod/outsider", "--timeout=60s")
        dns = dev.kubectl(
            f"--namespace={name}",
            "exec",
            "outsider",
            "--",
            "python3",
            "-c",
            "import socket; print(socket.gethostbyname('kubernetes.default'))",
        )
        assert dns.strip() == "10.96.0.1"
        for host, port in (("backend", 8000), ("postgres", 5432), ("redis", 6379), ("frontend", 8080)):
            target = f"{host}.{dev.namespace}.svc.cluster.local"
            output = dev.kubectl(
                f"--namespace={name}", "exec", "outsider", "--", "python3", "-c", PROBE, target, str(port), check=False
            )
            assert "open" not in output, f"{target}:{port} is open to everyone"
    finally:
        dev.kubectl("delete", "namespace", name, "--wait=false")


def test_the_ingress_reaches_what_has_a_route(dev: Stack) -> None:
    with dev.http() as client:
        eventually(lambda: client.get("/").status_code == 200, seconds=10)
        assert client.get("/api/berths").status_code == 200
        assert client.get("/", headers={"Host": "unknown.localhost"}).status_code == 404
