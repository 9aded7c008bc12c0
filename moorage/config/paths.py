"""Text that names a place: paths in URLs, containers and the repository, and images in registries."""

from __future__ import annotations

from typing import Annotated

from moorage.config.fields import CONTROL, Text

UrlPath = Annotated[
    str,
    Text(
        pattern=rf"(?!//)/[^\s?#{CONTROL}]*",
        rule="a path starts with one / (after two of them comes a host) and has no spaces, control characters, ? or #",
        example="/health",
    ),
]
RoutePath = Annotated[
    str,
    Text(
        pattern=rf"(?!.*(//|/\.{{1,2}}(/|$)|%2[fF]))/[^\s?#{CONTROL}]*",
        rule="a path starts with / and has no spaces, control characters, ? or #; Kubernetes refuses //, /./, /../ and %2F",
        example="/api",
    ),
]
FolderPath = Annotated[
    str,
    Text(
        pattern=rf"(/(?!\.{{1,2}}(/|$))[^\s:/{CONTROL}]+)+",
        rule="a folder in the container is an absolute path without .., colons or a slash at its end; it is not /",
        example="/var/cache/app",
    ),
]
RelativePath = Annotated[
    str,
    Text(
        pattern=r"(?!\.{1,2}(/|$))[^\s/]+(/(?!\.{1,2}(/|$))[^\s/]+)*",
        rule="a path is relative to its own folder and stays inside it",
        example="Dockerfile",
    ),
]
ImageName = Annotated[
    str,
    Text(
        pattern=r"[a-z0-9]([-a-z0-9._:/]*[a-z0-9])?(:[A-Za-z0-9_][-A-Za-z0-9_.]{0,127})?(@sha256:[0-9a-f]{64})?",
        rule="an image is registry, path and name, then a tag, a digest (@sha256: and 64 hex digits) or both",
        example="ghcr.io/acme/mailer:2.1",
    ),
]
"""An image in any registry."""
NearbyPath = Annotated[
    str,
    Text(
        pattern=r"\.|(\.\.(/|$))*((?!\.{1,2}(/|$))[^\s/]+(/(?!\.{1,2}(/|$))[^\s/]+)*)?(?<!/)",
        rule="a path is relative to its own folder, has .. at most at its beginning, and no slash at its end",
        example="../shared",
    ),
]
"""A path that may lead to another folder of the repository."""
