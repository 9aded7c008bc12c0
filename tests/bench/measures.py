"""What Moorage itself takes."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import statistics
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from moorage.cli.platform_processes import memory
from moorage.platform.layout import NAMESPACE, Layout
from moorage.platform.processes import records
from tests.bench.edits import changed
from tests.bench.figure import Figure
from tests.support.stack import ROOT, Stack, eventually, moorage, running_stack

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE = ROOT / "apps" / "backend" / "backend" / "api.py"
OLD_LINE = 'return {"status": "ok"}'
HEALTH_REQUESTS = 2000
_PROBE = """
import http.client, sys, time
connection = http.client.HTTPConnection(sys.argv[1], int(sys.argv[2]))
for _ in range(int(sys.argv[3])):
    started = time.perf_counter()
    connection.request("GET", "/health")
    connection.getresponse().read()
    print((time.perf_counter() - started) * 1000)
"""


@contextmanager
def timed() -> Iterator[list[float]]:
    """Put the block's seconds into the list it is given."""
    seconds: list[float] = []
    started = time.monotonic()
    yield seconds
    seconds.append(time.monotonic() - started)


def cold_up() -> list[Figure]:
    """From an empty platform (toolchain and seed in the cache) to the whole dev stack."""
    moorage("platform", "reset", "--yes")
    with timed() as seconds:
        moorage("up", "dev")
    return [
        Figure(name="cold make up, toolchain built", value=seconds[0], unit="s", target=300),
        Figure(name="cold build of all images", value=_images_seconds(), unit="s", target=120),
    ]


def warm_up() -> list[Figure]:
    """The same command again."""
    with timed() as seconds:
        moorage("up", "dev")
    return [Figure(name="warm make up", value=seconds[0], unit="s")]


def no_op() -> list[Figure]:
    """Nothing changed: preview and update with the policy pack, the best of three each."""
    stack = running_stack("dev")
    found = []
    for name, arguments in (("preview", ["preview"]), ("up", ["up", "--yes", "--skip-preview"])):
        best = min(_seconds_of(stack, [*arguments, "--expect-no-changes"]) for _ in range(3))
        found.append(Figure(name=f"no-op {name} with the policy pack", value=best, unit="s", target=3))
    return found


def code_change() -> list[Figure]:
    """One changed line of the backend: built, pushed, rolled out, all new pods Ready."""
    stack = running_stack("dev")
    with changed(SOURCE, OLD_LINE, f'return {{"status": "bench {time.time()}"}}'):
        rolled = _seconds_of(stack, ["up", "--yes", "--skip-preview"])
        ready = [_ready_after(pod) for pod in stack.pods("backend")]
    _seconds_of(stack, ["up", "--yes", "--skip-preview"])
    return [
        Figure(name="code change to all new pods Ready", value=rolled, unit="s", target=10),
        Figure(name="container start to Ready", value=max(ready), unit="s", target=5),
    ]


def health() -> list[Figure]:
    """Answers of the backend's /health, from the node's namespace, one connection."""
    stack = running_stack("dev")
    address = stack.pods("backend")[0]["status"]["podIP"]
    command = [
        "nsenter",
        f"--net=/run/netns/{NAMESPACE}",
        "--",
        "python3",
        "-c",
        _PROBE,
        address,
        "8000",
        str(HEALTH_REQUESTS),
    ]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    milliseconds = sorted(map(float, result.stdout.split()))
    return [
        Figure(name="health answer, median", value=statistics.median(milliseconds), unit="ms"),
        Figure(name="health answer, p99", value=milliseconds[int(len(milliseconds) * 0.99)], unit="ms", target=20),
    ]


def restart() -> list[Figure]:
    """A deleted pod of each service until its replacement is Ready."""
    stack = running_stack("dev")
    found = []
    for name in ("backend", "worker", "frontend"):
        pods = stack.pods(name)
        with timed() as seconds:
            stack.kubectl("delete", "pod", pods[0]["metadata"]["name"], "--wait=false")
            old = {pod["metadata"]["uid"] for pod in pods}

            def replaced(name: str = name, old: set[str] = old) -> bool:
                return any(pod["metadata"]["uid"] not in old and is_ready(pod) for pod in stack.pods(name))

            eventually(replaced, seconds=60)
        found.append(Figure(name=f"service restart, {name}", value=seconds[0], unit="s", target=5))
    return found


def image_sizes() -> list[Figure]:
    """Unpacked size of the images that run."""
    targets = {"backend": 80e6, "worker": 80e6, "frontend": 25e6}
    stack = running_stack("dev")
    found = []
    for workload in stack.objects("deployments,statefulsets"):
        name = workload["metadata"]["name"]
        image = workload["spec"]["template"]["spec"]["containers"][0]["image"]
        found.append(
            Figure(name=f"image {name}, unpacked", value=unpacked_bytes(image), unit="B", target=targets.get(name))
        )
    return found


def cached_stack() -> list[Figure]:
    """The whole stack from nothing, its images in the builder's cache."""
    moorage("down", "dev")
    with timed() as seconds:
        moorage("up", "dev")
    return [Figure(name="whole stack from cached images", value=seconds[0], unit="s", target=45)]


def platform_restart() -> list[Figure]:
    """The platform from stopped to Ready with its add-ons, and what it takes of memory."""
    moorage("platform", "stop")
    with timed() as seconds:
        moorage("platform", "start")
    taken = sum(memory(record.pid) for record in records().values())
    return [
        Figure(name="platform from stopped to Ready", value=seconds[0], unit="s", target=20),
        Figure(name="platform's memory", value=taken, unit="B", target=1.5e9),
    ]


def unpacked_bytes(image: str) -> int:
    """Return the size of an image's layers after decompression, read from the registry's own files."""
    blobs = Layout.of(ROOT).data / "registry" / "docker" / "registry" / "v2" / "blobs" / "sha256"
    digest = image.rpartition("sha256:")[2]
    manifest = json.loads((blobs / digest[:2] / digest / "data").read_text())
    total = 0
    for layer in manifest["layers"]:
        hexadecimal = layer["digest"].removeprefix("sha256:")
        content = (blobs / hexadecimal[:2] / hexadecimal / "data").read_bytes()
        total += len(gzip.decompress(content)) if layer["mediaType"].endswith("gzip") else len(content)
    return total


def is_ready(pod: dict[str, Any]) -> bool:
    """Whether a pod is Ready."""
    return any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", []))


def _ready_after(pod: dict[str, Any]) -> float:
    moments = {c["type"]: dt.datetime.fromisoformat(c["lastTransitionTime"]) for c in pod["status"]["conditions"]}
    return (moments["Ready"] - moments["PodScheduled"]).total_seconds()


def _seconds_of(stack: Stack, arguments: list[str]) -> float:
    with timed() as seconds:
        result = stack.pulumi(*arguments)
    if result.returncode:
        raise RuntimeError(f"pulumi {' '.join(arguments)}\n{result.stdout}\n{result.stderr}")
    return seconds[0]


def _images_seconds() -> float:
    """Return the wall time of all builds since the platform was reset, from BuildKit's own records."""
    layout = Layout.of(ROOT)
    command = [
        str(layout.bin / "buildctl"),
        f"--addr=unix://{layout.buildkit_socket}",
        "debug",
        "histories",
        "--format=json",
    ]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    builds = [json.loads(line) for line in result.stdout.splitlines() if line.strip()]
    # The platform builds its own seed and add-ons before Kubernetes starts: neither they nor that wait belong to it.
    own = ("/moorage/", "/library/")
    spans = [
        _span(build["record"])
        for build in builds
        if not any(mark in json.dumps(build["record"].get("Exporters", "")) for mark in own)
    ]
    return max(end for _, end in spans) - min(start for start, _ in spans)


def _span(record: dict[str, Any]) -> tuple[float, float]:
    return tuple(_moment(record[key]) for key in ("CreatedAt", "CompletedAt"))  # type: ignore[return-value]


def _moment(value: Any) -> float:
    if isinstance(value, dict):
        return float(value["seconds"]) + float(value.get("nanos", 0)) / 1e9
    return dt.datetime.fromisoformat(value).timestamp()
