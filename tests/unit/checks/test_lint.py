"""Rules for Dockerfiles: one change of a compliant one, one finding with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from moorage.build.dockerfile import parse_dockerfile
from moorage.build.stages import staged
from moorage.checks.lint import BASE, LintFinding, Purpose, lint_dockerfile

GOOD = """\
ARG PYTHON_IMAGE=base-python
FROM debian:trixie-slim AS build
RUN --mount=type=cache,target=/var/cache/apt --mount=type=cache,target=/var/lib/apt/lists \\
    apt-get update -qq && apt-get install -y --no-install-recommends gcc
COPY apps/x/requirements.txt /requirements.txt
RUN --mount=type=cache,target=/root/.cache/uv uv pip install -r /requirements.txt
COPY apps/x/x /app/x
RUN make /app/x
FROM ${PYTHON_IMAGE} AS production
COPY --from=build /app /app
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/bin/python3", "-m", "x"]
"""
SERVICE = Purpose(service=True, target="production", port=8000)


def findings(text: str, purpose: Purpose = SERVICE) -> tuple[LintFinding, ...]:
    arguments = {"PYTHON_IMAGE": f"{BASE}python"}
    return lint_dockerfile(staged(Path("Dockerfile"), parse_dockerfile(text), arguments), purpose)


def changed(old: str, new: str) -> str:
    assert GOOD.count(old) == 1, old
    return GOOD.replace(old, new)


def test_a_good_dockerfile_has_no_findings() -> None:
    assert findings(GOOD) == ()


@pytest.mark.parametrize(
    ("old", "new", "rule", "line"),
    [
        ("USER 10001:10001\n", "", "run-as-non-root", 9),
        ("USER 10001:10001", "USER app", "run-as-non-root", 11),
        ("USER 10001:10001", "USER 0:0", "run-as-non-root", 11),
        ("USER 10001:10001", "USER 00", "run-as-non-root", 11),
        ('ENTRYPOINT ["/usr/bin/python3", "-m", "x"]', "ENTRYPOINT python3 -m x", "use-exec-form", 14),
        ('ENTRYPOINT ["/usr/bin/python3", "-m", "x"]', "CMD ['python3']", "use-exec-form", 14),
        ("STOPSIGNAL SIGTERM\n", "", "set-stopsignal", 9),
        ("EXPOSE 8000\n", "", "expose-port", 9),
        ("EXPOSE 8000", "EXPOSE 8000/tcp 8001", "expose-port", 12),
        ("EXPOSE 8000", "EXPOSE 80", "expose-port", 12),
        ("--mount=type=cache,target=/var/cache/apt ", "", "mount-cache", 3),
        (" --mount=type=cache,target=/var/lib/apt/lists", "", "leave-no-lists", 3),
        (" --no-install-recommends", "", "no-recommended-packages", 3),
        ("apt-get update -qq && ", "", "update-before-install", 3),
        ("--mount=type=cache,target=/root/.cache/uv ", "", "mount-cache", 6),
        ("RUN make /app/x", "RUN npm --silent ci", "mount-cache", 8),
        ("RUN make /app/x", "RUN <<EOF\npip install flask\nEOF", "mount-cache", 8),
        ("RUN make /app/x", "ADD https://example.com/x.tar.gz /x", "no-remote-add", 8),
        ("RUN make /app/x", 'ADD ["git@github.com:a/b.git", "/x"]', "no-remote-add", 8),
        ("RUN make /app/x", "ARG NPM_TOKEN", "no-secret-args", 8),
        ("STOPSIGNAL", "ENV A=1 DB_PASSWORD=x\nSTOPSIGNAL", "no-secret-args", 13),
        ("debian:trixie-slim", "debian", "pin-tag", 2),
        ("debian:trixie-slim", "localhost:5000/debian:latest", "pin-tag", 2),
        ("--from=build /app /app", "--from=nginx /x /app", "pin-tag", 10),
    ],
)
def test_one_mistake_is_one_finding_with_its_line(old: str, new: str, rule: str, line: int) -> None:
    found = {(finding.id, finding.line) for finding in findings(changed(old, new))}
    extra = {("order-layers", 8)} if rule == "mount-cache" and line == 8 else set()
    assert found == {(rule, line)} | extra


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("debian:trixie-slim", "debian@sha256:" + "0" * 64),
        ("--mount=type=cache,target=/root/.cache/uv uv pip", "uv --no-cache pip"),
        ("RUN make /app/x", "ENV SSL_CERT_FILE=/x DATABASE_PASSWORD_FILE=/run/x TOKENIZERS=1"),
        (" --mount=type=cache,target=/var/lib/apt/lists", ""),
        ("RUN make /app/x", "RUN echo the pip installation"),
        ("apt-get update -qq && apt-get", "apt-get -o Acquire::Retries=2 update && apt-get -q -o A=1"),
        ("EXPOSE 8000", "EXPOSE 8000/tcp"),
    ],
)
def test_what_is_right_is_not_found(old: str, new: str) -> None:
    text = changed(old, new)
    if "lists" in old:
        text = text.replace("recommends gcc", "recommends gcc && rm -rf /var/lib/apt/lists/*")
    assert findings(text) == ()


def test_a_worker_exposes_nothing() -> None:
    worker = Purpose(service=True, target="production", port=None)
    assert [(finding.id, finding.line) for finding in findings(GOOD, worker)] == [("expose-port", 12)]


def test_a_base_image_without_an_entrypoint_may_be_root_as_builds_are() -> None:
    assert findings("FROM debian:trixie-slim\nRUN true\n", Purpose(service=False)) == ()
    found = findings('FROM debian:trixie-slim\nENTRYPOINT ["/x"]\n', Purpose(service=False))
    assert [finding.id for finding in found] == ["run-as-non-root"]


@pytest.mark.parametrize(
    ("steps", "lines"),
    [
        ("COPY src /src\nRUN uv pip install --no-cache x", [3]),
        ("COPY src /src\nCOPY uv.lock /", [3]),
        ("COPY uv.lock /\nRUN apk add --no-cache x", [3]),
        ("COPY uv.lock src /", []),
        ("COPY src pyproject.toml /\nRUN uv sync --no-cache", [3]),
        ("RUN --mount=type=bind,source=src,target=/src uv sync --no-cache", [2]),
        ("RUN --mount=type=bind,source=uv.lock,target=/uv.lock uv sync --no-cache\nCOPY src /", []),
        ("COPY tools/with-ca /bin/\nRUN with-ca uv sync --no-cache", []),
        ("COPY src /src\nRUN make\nRUN make again", []),
        ("COPY src /src\nFROM a:1\nCOPY uv.lock /\nRUN uv sync --no-cache", []),
        ("COPY src /src\nFROM s0\nCOPY uv.lock /", [4]),
        ("COPY --from=nginx:1 /x /x\nCOPY uv.lock /\nCOPY src /src", []),
        ("COPY uv.lock /\nCOPY --from=nginx:1 /x /x", [3]),
        ("COPY src /src\nFROM a:1\nCOPY uv.lock /\nCOPY --from=s0 /src /src\nCOPY --from=nginx:1 /x /x", [6]),
        (
            "COPY src /src\nFROM a:1 AS s1\nCOPY uv.lock /\nFROM a:1\nCOPY --from=s0 /src /\nCOPY --from=s1 /uv.lock /",
            [7],
        ),
        (
            "COPY src /src\nFROM a:1 AS s1\nCOPY uv.lock /\nFROM a:1\nCOPY --from=s1 /uv.lock /\nCOPY --from=s0 /src /",
            [],
        ),
    ],
)
def test_layers_come_in_the_order_in_which_they_change(steps: str, lines: list[int]) -> None:
    found = findings(f"FROM a:1 AS s0\n{steps}\n", Purpose(service=False))
    assert [finding.line for finding in found] == lines
    assert {finding.id for finding in found} <= {"order-layers"}
