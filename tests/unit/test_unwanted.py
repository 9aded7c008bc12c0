"""Every part of the patterns by which a check of images knows what has no place in one is needed, and does what it should."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from moorage.scan import contents, secrets
from moorage.scan.check import judge
from moorage.scan.finding import Expectation
from tests.properties.unwanted import BUILDERS, LEFT_OVER, MANAGERS_PACKAGES, PACKAGE_MANAGERS, words
from tests.unit.image_samples import image, layer

if TYPE_CHECKING:
    from collections.abc import Iterator

UNWANTED = {**BUILDERS, **LEFT_OVER}
PROGRAM = (b"#!/app/run\n", 0o755)
CREDENTIALS = [
    f"/app/{name}"
    for name in words(
        ".env .env.local .netrc _netrc .pypirc .git-credentials .pgpass id_rsa id_dsa id_ecdsa id_ed25519"
    )
] + ["/root/.docker/config.json", "/root/.aws/credentials", "/root/.kube/config"]
VARIABLES = [
    f"{name}=x" for name in words("DB_PASSWORD PASSWD A_SECRET TOKEN API_KEY APIKEY PRIVATE_KEY AWS_CREDENTIALS")
]
LINES = ["//registry.npmjs.org/:_authToken=x", "_auth = x", "//r/:_password=x", "_authToken=x"]


def name(path: str) -> str:
    return path.rpartition("/")[2]


EXAMPLES: dict[str, tuple[re.Pattern[str] | re.Pattern[bytes], list[str], bool]] = {
    "compilers": (contents._COMPILERS, [name(path) for path in BUILDERS["no-compilers"]], True),
    "package managers": (contents._PACKAGE_MANAGERS, [name(path) for path in PACKAGE_MANAGERS], True),
    "shells": (contents._SHELLS, [name(path) for path in BUILDERS["no-shells"]], True),
    "their packages": (
        contents._PACKAGE_MANAGER_FOLDERS,
        [path.rpartition("/")[0] + "/" for path in MANAGERS_PACKAGES if "-info" not in path],
        False,
    ),
    "development": (
        contents._DEVELOPMENT,
        [path.rpartition("/")[0] for path in BUILDERS["no-development-packages"]],
        False,
    ),
    "tests": (contents._TESTS, BUILDERS["no-tests"], True),
    "caches": (contents._CACHES, LEFT_OVER["no-caches"], True),
    "temporary": (
        contents._TEMPORARY,
        [path for path in LEFT_OVER["no-temporary-files"] if not path.startswith(("/tmp/", "/var/tmp/"))],
        True,
    ),
    "artifacts": (contents._ARTIFACTS, LEFT_OVER["no-build-artifacts"], True),
    "credentials": (secrets._CREDENTIAL_FILES, CREDENTIALS, True),
    "variables": (secrets._VARIABLE, VARIABLES, True),
    "lines": (secrets._TOKEN_LINE, LINES, False),
}
"""Each pattern, what it is there for, and whether that is matched as a whole."""


def shortened(pattern: str) -> Iterator[str]:
    """Yield a pattern without each of its alternatives in turn, at every depth."""
    opened: list[list[int]] = [[0]]
    position, spans = 0, []
    while position <= len(pattern):
        sign = pattern[position] if position < len(pattern) else ")"
        if sign == "\\":
            position += 1
        elif sign == "[":
            position = pattern.index("]", position + 2)
        elif sign == "(":
            opened.append([position + 1])
        elif sign == "|":
            opened[-1].append(position + 1)
        elif sign == ")":
            starts = opened.pop()
            ends = [start - 1 for start in starts[1:]] + [position]
            if len(starts) > 1:
                spans += list(zip(starts, ends, strict=True))
            opened = opened or [[0]]
        position += 1
    for start, end in spans:
        left, right = pattern[:start], pattern[end:]
        yield left + right[1:] if right.startswith("|") else left.removesuffix("|") + right


@pytest.mark.parametrize("kind", EXAMPLES)
def test_without_any_one_alternative_something_is_overlooked(kind: str) -> None:
    pattern, found, whole = EXAMPLES[kind]
    text = pattern.pattern.decode() if isinstance(pattern.pattern, bytes) else pattern.pattern

    def all_match(pattern: str) -> bool:
        compiled = re.compile(pattern)
        match = compiled.fullmatch if whole else compiled.search
        return all(match(example) for example in found)

    assert all_match(text)
    assert [less for less in shortened(text) if all_match(less)] == []


@pytest.mark.parametrize("rule", UNWANTED)
def test_everything_unwanted_is_found_under_its_rule_and_nothing_else_is_said(rule: str) -> None:
    paths = [path.format("qord") for path in UNWANTED[rule] if not path.endswith((".cache", "/cache", "apk", "lists"))]
    # A file cannot be where another has its folder.
    paths = [path for path in paths if not any(other.startswith(f"{path}/") for other in paths)]
    checked = image(layer({path[1:]: PROGRAM if "bin/" in path else b"x" for path in paths}))
    expectation = Expectation(user=10001, port=8000)
    found = {(finding.rule, finding.path) for finding in judge(checked, expectation) if finding.rule in UNWANTED}
    assert found == {(rule, path) for path in paths}
    links = image(layer({path[1:]: "/app/run" if "bin/" in path else b"x" for path in paths}))
    found = {(finding.rule, finding.path) for finding in judge(links, expectation) if finding.rule in UNWANTED}
    assert found == {(rule, path) for path in paths}


@pytest.mark.parametrize(
    "path",
    ["/app/packages/toxiproxy/x.py", "/app/packages/blackboard/x.py", "/app/packages/pytestable-1.0.dist-info/x"],
)
def test_a_package_whose_name_only_begins_like_one_for_development_stays(path: str) -> None:
    checked = image(layer({path[1:]: b"x"}))
    assert {finding.rule for finding in judge(checked, Expectation(user=10001, port=8000))} & UNWANTED.keys() == set()


@pytest.mark.parametrize("path", CREDENTIALS)
def test_a_file_of_credentials_is_found_by_its_name(path: str) -> None:
    checked = image(layer({path[1:]: b"x"}))
    found = {(finding.rule, finding.path) for finding in judge(checked, Expectation(user=10001, port=8000))}
    assert ("no-credential-files", path) in found
