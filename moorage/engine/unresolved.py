"""What a package manager could not find, out of its own words: package, version, registry, and what to check."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

PYPI, NPM, DEBIAN = "PyPI or UV_DEFAULT_INDEX", "the npm registry", "the Debian mirrors of apt's sources"
_NAME = "check the spelling, and that the registry has it"
_VERSION = "check which versions the registry has, then correct the requirement and its lock file"
_NETWORK = (
    "check that the registry is up, the network, the proxy (NO_PROXY too) and the certificates of buildSecrets; the base "
    "images try three times"
)
_UNTRUSTED = re.compile(
    r"UnknownIssuer|CERTIFICATE_VERIFY_FAILED|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_(?:GET_ISSUER_CERT|VERIFY_LEAF)"
    r"|self[- ]signed certificate|unable to (?:get local issuer|verify the first) certificate"
    r"|[Cc]ertificate verification failed|certificate signed by unknown authority",
)
_AUTHORITY = (
    "add your company's certificate authority to this machine's system (update-ca-certificates on Debian and Ubuntu), or "
    "name it in buildSecrets.ca; the step must mount the secret ca, as `with-ca` of the base images expects"
)
_HASH = "check the index, then lock again"


@dataclass(frozen=True, kw_only=True)
class Unresolved:
    """A dependency that could not be downloaded."""

    package: str
    version: str
    registry: str
    why: str
    check: str

    def __str__(self) -> str:
        """Return it as one sentence."""
        return f"{self.package}{f' {self.version}' if self.version else ''} from {self.registry}: {self.why}"


@dataclass(frozen=True, kw_only=True)
class _Pattern:
    """How one failure reads; the groups ``package``, ``version``, ``registry`` and ``why`` are taken over where there are."""

    text: re.Pattern[str]
    registry: str
    why: str
    check: str


def _pattern(text: str, registry: str, why: str, check: str) -> _Pattern:
    return _Pattern(text=re.compile(text), registry=registry, why=why, check=check)


_VERSION_TEXT = r"[A-Za-z0-9!+~.:*_-]+?"
_TARBALL = re.compile(r"(?P<package>(?:@[^/]+/)?[^/]+)/-/[^/]*?-(?P<version>\d[^/]*)\.tgz$")
"""As npm names what it downloads."""
_PATTERNS = (
    # uv
    _pattern(
        rf"Because (?P<package>\S+) was not found in the package registry(?: and you require \S+?==(?P<version>{_VERSION_TEXT})[,\s])?",
        PYPI,
        "there is no such package",
        _NAME,
    ),
    _pattern(
        rf"there (?:is|are) no versions? of (?P<package>[A-Za-z0-9._-]+)(?:\[\S+\])?(?:==(?P<version>{_VERSION_TEXT}))?[,\s]",
        PYPI,
        "there is no such version",
        _VERSION,
    ),
    _pattern(
        rf"Hash mismatch for `(?P<package>[^=`]+)==(?P<version>{_VERSION_TEXT})`",
        PYPI,
        "its content is not what the lock file pins",
        _HASH,
    ),
    _pattern(
        rf"Failed to download `(?P<package>[^=`]+)==(?P<version>{_VERSION_TEXT})`[\s\S]*?Failed to fetch: `?(?P<registry>https?://[^/\s`]+)",
        PYPI,
        "the registry does not answer",
        _NETWORK,
    ),
    _pattern(
        r"Failed to fetch: `?(?P<registry>https?://\S+?)/(?P<package>[A-Za-z0-9._-]+)/?`?(?:\s|$)",
        PYPI,
        "the registry does not answer",
        _NETWORK,
    ),
    # npm
    _pattern(
        rf"No matching version found for (?P<package>@?[^@\s]+)@(?P<version>{_VERSION_TEXT})\.?(?:\s|$)",
        NPM,
        "there is no such version",
        _VERSION,
    ),
    _pattern(
        r"404 Not Found - GET (?P<registry>https?://[^/\s]+)/(?P<package>\S+)", NPM, "there is no such package", _NAME
    ),
    _pattern(
        r"request to (?P<registry>https?://[^/\s]+)/(?P<package>\S+) failed, reason: (?P<why>.+)", NPM, "", _NETWORK
    ),
    _pattern(r"(?P<why>5\d\d \S.*) - GET (?P<registry>https?://[^/\s]+)/(?P<package>\S+)", NPM, "", _NETWORK),
    # pip, which goes on to say that there is no such package
    _pattern(r"connection broken by '(?P<why>.+)': /\S*?(?P<package>[A-Za-z0-9._-]+)/?(?:\s|$)", PYPI, "", _NETWORK),
    _pattern(
        rf"No matching distribution found for (?P<package>[A-Za-z0-9._-]+)(?:==(?P<version>{_VERSION_TEXT}))?(?:\s|$)",
        PYPI,
        "there is no such package or version",
        _VERSION,
    ),
    # apt, which goes on with the lists that it has
    _pattern(
        r"(?:W|E|Err):?\S* ?(?:Failed to fetch )?(?P<registry>https?://[^/\s]+)/(?P<package>\S+)\s.*?(?P<why>(?:Could not|Temporary "
        r"failure|Connection|Unable to connect).*)",
        DEBIAN,
        "",
        _NETWORK,
    ),
    _pattern(r"E: Unable to locate package (?P<package>\S+)", DEBIAN, "there is no such package", _NAME),
    _pattern(
        r"E: Version '(?P<version>[^']+)' for '(?P<package>[^']+)' was not found",
        DEBIAN,
        "there is no such version",
        _VERSION,
    ),
    _pattern(
        r"E: Failed to fetch (?P<registry>https?://[^/\s]+)/\S*?/(?P<package>[^_/\s]+)_(?P<version>[^_/\s]+)_\S+\s+(?P<why>.+)",
        DEBIAN,
        "",
        _NETWORK,
    ),
)


def unresolved(output: Sequence[str]) -> Unresolved | None:
    """Return the dependency that a step's output complains of; None where it complains of something else."""
    # npm begins every line with its own name, and uv wraps what is long.
    text = "\n".join(re.sub(r"^npm (?:error|ERR!) ?", "", line) for line in output)
    for pattern in _PATTERNS:
        if match := pattern.text.search(text):
            groups = {name: value for name, value in match.groupdict().items() if value}
            if tarball := _TARBALL.match(groups["package"]):
                groups |= tarball.groupdict()
            why, check = groups.get("why", pattern.why).strip(), pattern.check
            if _UNTRUSTED.search(text):
                why, check = "its certificate is of an authority that the build does not trust", _AUTHORITY
            return Unresolved(
                package=groups["package"].replace("%2f", "/"),
                version=groups.get("version", ""),
                registry=groups.get("registry", pattern.registry),
                why=why,
                check=check,
            )
    return None
