"""What can be wrong with a single service.yaml, each once: what is said, where, and the remedy."""

from __future__ import annotations

import pytest

from moorage.base.errors import Location
from moorage.config.service import needed_env
from tests.unit.config_samples import WORKER, changed, check, problem_of


@pytest.mark.parametrize(
    ("old", "new", "what", "remedy"),
    [
        ("port: 8000", "port: 80", "port: 80 cannot be used", "let the process listen on for example 8080"),
        ("port: 8000", 'port: "8000"', 'port is "8000"', "remove the quotes: 8000"),
        ("port: 8000", "port: 8000.5", "port is 8000.5", "write a number without quotes, unit or decimal point"),
        ("kind: web", "kind: wbe", 'kind is "wbe"', "did you mean web?"),
        ("kind: web", "kind: cron", 'kind is "cron"', "write web or worker"),
        ("LOG_LEVEL: INFO", "LOG_LEVEL: 10", "env.LOG_LEVEL is 10", 'put it in quotes: "10"'),
        ("LOG_LEVEL: INFO", "LOG_LEVEL: true", "env.LOG_LEVEL is true", 'put it in quotes: "true"'),
        (
            "LOG_LEVEL: INFO",
            "LOG_LEVEL:",
            "env.LOG_LEVEL has no value",
            "give it one, or remove the key for its default",
        ),
        ("LOG_LEVEL: INFO", "LOG-LEVEL: INFO", "env: 'LOG-LEVEL' is not allowed here", "write for example LOG_LEVEL"),
        ("name: backend", "name: Back_End", "name: 'Back_End' is not allowed here", "write back-end"),
        ("[postgres, redis]", "postgres", 'needs is "postgres"', "write [postgres]"),
        ("[postgres, redis]", "[redis, redis]", "needs: 'redis' is listed twice", "remove one"),
        (
            "cpu: 500m",
            "cpu: 500Mi",
            "resources.requests.cpu: '500Mi' is not an amount of cpu",
            "write for example 500m",
        ),
        (
            "cpu: 500m",
            "cpu: 1.0005",
            "resources.requests.cpu: '1.0005' is not an amount of cpu",
            "write for example 500m",
        ),
        ("cpu: 500m", "cpu: 0", "resources.requests.cpu: '0' is not an amount of cpu", "write for example 500m"),
        (
            "memory: 1Gi",
            "memory: 1GB",
            "resources.requests.memory: '1GB' is not a Kubernetes quantity",
            "write for example 256Mi",
        ),
        ("memory: 1Gi", "memory: 512m", "resources.requests.memory: '512m' means thousandths of a byte", "write 512Mi"),
        ("memory: 1Gi", "memory: 512", "resources.requests.memory: '512' is less than 1Mi", "write 512Mi"),
        ("periodSeconds: 1", "periodSeconds: 0", "startupProbe.periodSeconds is 0", "raise it to 1 or more"),
        ("periodSeconds: 1", "periodSeconds: 900", "startupProbe.periodSeconds is 900", "lower it to 300 or less"),
        (
            "httpGet: {path: /health/ready}",
            "httpGet: /ready",
            'readinessProbe.httpGet is "/ready"',
            "write for example httpGet: {path: /health}",
        ),
        ("path: /api", "path: api", "route.path: 'api' is not allowed here", "write for example /api"),
        (
            "path: /api",
            "host: https://x.org",
            "route.host: 'https://x.org' is not allowed here",
            "write for example harbour.example.com",
        ),
        ("port: 8000", "port: 8000\nserviceAccountToken: yes", 'serviceAccountToken is "yes"', "write true"),
        (
            "port: 8000",
            "port: 8000\nwritablePaths: [/var/../etc]",
            "writablePaths[0]: '/var/../etc' is not allowed here",
            "write for example /var/cache/app",
        ),
        (
            "bases: [python]",
            "dockerfile: a/../Dockerfile",
            "build.dockerfile: 'a/../Dockerfile' is not allowed here",
            "write for example ../shared",
        ),
        (
            "httpGet: {path: /health/ready}",
            "exec: {command: []}",
            "readinessProbe.exec.command is an empty list",
            "add one, or remove the key",
        ),
    ],
)
def test_a_bad_value_is_named_with_a_remedy(old: str, new: str, what: str, remedy: str) -> None:
    problem = problem_of(changed(old, new))
    assert (problem.what, problem.remedy) == (what, remedy)
    assert problem.why


@pytest.mark.parametrize(
    ("text", "what", "at"),
    [
        (changed("port: 8000\n", ""), "the web service backend has no port", "1:1"),
        (changed("cpu: 2", "cpu: 0.2"), "resources: limits.cpu (0.2) is below requests.cpu (500m)", "16:17"),
        (
            changed("memory: 4Gi", "memory: 4Mi"),
            "resources: limits.memory (4Mi) is below requests.memory (1Gi)",
            "16:28",
        ),
        (changed("maxReplicas: 10", "maxReplicas: 1"), "scaling: maxReplicas (1) is below minReplicas (2)", "19:16"),
        (
            changed("minReplicas: 2", "minReplicas: 2\n  cpu: null\n  memory: null"),
            "scaling: scaling has neither cpu nor memory",
            "17:1",
        ),
        (changed("needs:", "replicas: 11\nneeds:"), "replicas (11) is outside scaling's 2 to 10", "20:11"),
        (changed("[postgres, redis]", "[postgres, backend]"), "backend needs itself", "20:19"),
        (changed("LOG_LEVEL: INFO", "DATABASE_HOST: db"), "env.DATABASE_HOST is set in the file", "22:18"),
        (changed("env:", "secrets: {A: key}\nenv:\n  A_FILE: x"), "env.A_FILE is set in the file", "23:11"),
        (changed("env:", "secrets: {REDIS_PASSWORD: key}\nenv:"), "secrets.REDIS_PASSWORD is set in the file", "21:27"),
        (
            changed("port: 8000", "port: 8000\npreStopSleepSeconds: 40"),
            "terminationGracePeriodSeconds (40) does not exceed preStopSleepSeconds (40)",
            "1:1",
        ),
        (changed("port: 8000", "port: 8000\nwritablePaths: [/var/a, /tmp]"), "/tmp is listed in writablePaths", "7:25"),
        (
            changed("port: 8000", "port: 8000\nwritablePaths: [/run/secrets, /run/secrets/moorage]"),
            "/run/secrets/moorage is listed in writablePaths",
            "7:31",
        ),
        (
            changed("port: 8000", "port: 8000\nwritablePaths: [/run/secrets/moorage-x, /run/secrets/moorage/x]"),
            "/run/secrets/moorage/x is listed in writablePaths",
            "7:41",
        ),
        (
            changed("periodSeconds: 1", "timeoutSeconds: 11"),
            "startupProbe: timeoutSeconds (11) exceeds periodSeconds (10)",
            "9:19",
        ),
        (changed("periodSeconds: 1", "successThreshold: 2"), "startupProbe.successThreshold is 2", "9:21"),
        (changed("  periodSeconds: 1", "  tcpSocket: {}"), "startupProbe: the probe has httpGet and tcpSocket", "9:14"),
        (
            changed("  httpGet: {path: /health/ready}", "  periodSeconds: 5"),
            "readinessProbe: the probe checks nothing",
            "12:1",
        ),
        (
            changed("  libs:", "  args: {PYTHON_IMAGE: x}\n  libs:"),
            "build: the build arg PYTHON_IMAGE is set in the file",
            "5:24",
        ),
        (WORKER + "port: 8000\n", "the worker worker has a port", "16:7"),
        (WORKER + "route: {path: /}\n", "the worker worker has a route", "16:8"),
        (
            changed("startupProbe:\n  exec: {command: [check]}", "startupProbe:\n  httpGet: {path: /}", WORKER),
            "startupProbe.httpGet names no port",
            "7:12",
        ),
    ],
)
def test_a_rule_between_values_is_reported_at_the_one_to_change(text: str, what: str, at: str) -> None:
    problem = problem_of(text)
    line, column = map(int, at.split(":"))
    assert (problem.what, problem.where) == (what, Location(file="service.yaml", line=line, column=column))
    assert problem.why
    assert problem.remedy


@pytest.mark.parametrize(
    ("escaped", "code"),
    [(r"\0", "0000"), (r"\x7f", "007F"), (r"\N", "0085"), (r"\x9f", "009F"), (r"\ufffe", "FFFE"), (r"\uffff", "FFFF")],
)
@pytest.mark.parametrize(
    ("old", "new", "name", "at"),
    [
        ("LOG_LEVEL: INFO", "LOG_LEVEL: {}", "env.LOG_LEVEL", (22, 14)),
        ("port: 8000", "port: 8000\nargs: [run, {}]", "args[1]", (7, 13)),
        ("port: 8000", "port: 8000\ncommand: [{}]", "command[0]", (7, 11)),
        ("httpGet: {path: /health/ready}", "exec: {command: [{}]}", "readinessProbe.exec.command[0]", (13, 20)),
    ],
)
def test_a_character_that_would_not_arrive_is_refused(  # noqa: PLR0917
    old: str, new: str, name: str, at: tuple[int, int], escaped: str, code: str
) -> None:
    problem = problem_of(changed(old, new.replace("{}", f'"a{escaped}b"')))
    assert problem.what.startswith(f"{name}: 'a")
    assert problem.what.endswith(f"b' contains the character U+{code}")
    assert isinstance(problem.where, Location)
    assert (problem.where.line, problem.where.column) == at
    assert "U+007F to U+009F" in str(problem.why)
    assert "base64" in str(problem.remedy)


@pytest.mark.parametrize(
    "escaped", [r"\x01\x08\x0b\x0c\x0e\x1f", r"\t\r\n", r"\x1b[31m", r"~\_", r"\ufffd\ufeff", "🚢"]
)
def test_a_character_that_arrives_is_taken(escaped: str) -> None:
    service, problems = check(changed("LOG_LEVEL: INFO", f'LOG_LEVEL: "{escaped}"'))
    assert problems == []
    assert service is not None


@pytest.mark.parametrize("text", ["a", "é", "🚢"])
def test_a_variable_and_an_argument_are_as_long_as_linux_takes_them(text: str) -> None:
    longest = 131_071
    size = len(text.encode())
    fits, rest = divmod(longest - len("LOG_LEVEL="), size)
    value = text * fits + "x" * rest
    assert check(changed("LOG_LEVEL: INFO", f"LOG_LEVEL: {value}"))[1] == []
    assert problem_of(changed("LOG_LEVEL: INFO", f"LOG_LEVEL: x{value}")).what == (
        "env.LOG_LEVEL is 131,072 bytes long, as LOG_LEVEL=…"
    )
    argument = text * (longest // size) + "x" * (longest % size)
    assert check(changed("port: 8000", f"port: 8000\nargs: [{argument}]"))[1] == []
    problem = problem_of(changed("port: 8000", f"port: 8000\nargs: [x{argument}]"))
    assert problem.what.startswith("args[0]: ")
    assert problem.what.endswith("is 131,072 bytes long")
    assert all(len(line) < 200 for line in problem.detail)


def test_all_variables_together_fit_into_a_config_map() -> None:
    added = 1 + len(needed_env("postgres") + needed_env("redis"))
    room = 1_048_576 - 256 * added
    variables = {f"V{index}": "x" * 130_000 for index in range(room // 130_000)}
    variables["REST"] = "x" * (room % 130_000)
    lines = "\n  ".join(f"{name}: {value}" for name, value in variables.items())
    assert check(changed("LOG_LEVEL: INFO", lines))[1] == []
    problem = problem_of(changed("LOG_LEVEL: INFO", f"{lines}x"))
    assert problem.what == f"the values of env are {room + 1:,} bytes long"
    assert problem.where == Location(file="service.yaml", line=21, column=1)
    assert f"{room:,} are free" in str(problem.why)


@pytest.mark.parametrize(("key", "longest"), [("env", 253), ("secrets", 248)])
def test_a_name_is_as_long_as_the_cluster_takes_it(key: str, longest: int) -> None:
    service, problems = check(changed("env:\n  LOG_LEVEL: INFO", f"{key}: {{{'A' * longest}: x}}"))
    assert (problems, service is not None) == ([], True)
    problem = problem_of(changed("env:\n  LOG_LEVEL: INFO", f"{key}: {{{'A' * (longest + 1)}: x}}"))
    assert problem.what == f"{key}: '{'A' * 60}'… is not allowed here"
    assert str(longest) in str(problem.why)


@pytest.mark.parametrize("path", ["//x", "///", "//", r"/\x01", r"/a\x7f", r"/\uffff", "/a b", "a//b"])
def test_a_path_that_begins_with_a_host_is_no_path(path: str) -> None:
    problem = problem_of(changed("path: /health/ready", f'path: "{path}"'))
    assert problem.what.startswith("readinessProbe.httpGet.path: ")
    assert "after two of them comes a host" in str(problem.why)


@pytest.mark.parametrize("path", ["/", "/a//b", "/%2F", "/:80", "/@x", "/a/../b", "/\\x", "/a/"])
def test_what_looks_like_a_host_further_on_is_a_path(path: str) -> None:
    assert check(changed("path: /health/ready", f"path: '{path}'"))[1] == []


@pytest.mark.parametrize("path", ["//", "/a//b", "/./a", "/a/..", "/a/.", "/a/../b", "/%2f", "/a%2Fb"])
def test_a_route_that_kubernetes_refuses_is_refused(path: str) -> None:
    problem = problem_of(changed("path: /api", f"path: {path}"))
    assert problem.what == f"route.path: '{path}' is not allowed here"


@pytest.mark.parametrize("path", ["/", "/a/", "/.a", "/a..b", "/...", "/%2e", "/@x:1"])
def test_a_route_that_kubernetes_takes_is_taken(path: str) -> None:
    assert check(changed("path: /api", f"path: '{path}'"))[1] == []
