"""A comment of a pull or merge request, written or replaced: GitHub's and GitLab's API, with nothing but Python."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.error import HTTPError
from urllib.request import Request, urlopen

if TYPE_CHECKING:
    from collections.abc import Mapping

SECONDS = 30.0
_PAGES = 20
"""Of a hundred comments each that are looked through."""


class Place(NamedTuple):
    """Where comments of one request are."""

    system: str
    url: str
    """The list of the request's comments."""
    each: str
    """What stands before the number of a comment."""
    headers: dict[str, str]
    method: str
    """With which a comment is replaced."""


class PostingError(Exception):
    """A comment that could not be written; the text says why and what to do."""


def place(environ: Mapping[str, str]) -> Place | None:
    """Return where the comments of the job's request are; None where the job is of no request that is known."""
    number, token = environ.get("NUMBER", ""), environ.get("GH_TOKEN", "")
    if environ.get("GITHUB_REPOSITORY") and number:
        base = (
            f"{environ.get('GITHUB_API_URL') or 'https://api.github.com'}/repos/{environ['GITHUB_REPOSITORY']}/issues"
        )
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/vnd.github+json"}
        return Place("GitHub", f"{base}/{number}/comments", f"{base}/comments", headers, "PATCH")
    request = environ.get("CI_MERGE_REQUEST_IID", "")
    if environ.get("CI_API_V4_URL") and request:
        base = f"{environ['CI_API_V4_URL']}/projects/{environ.get('CI_PROJECT_ID', '')}/merge_requests/{request}/notes"
        return Place("GitLab", base, base, {"PRIVATE-TOKEN": environ.get("GITLAB_TOKEN", "")}, "PUT")
    return None


def post(where: Place, body: str) -> str:
    """Write a comment, or replace the one that begins with the same line; return ``written`` or ``replaced``.

    Raises `PostingError`.
    """
    mark = body.partition("\n")[0]
    number = _found(where, mark)
    if number is None:
        _asked(where, "POST", where.url, {"body": body})
        return "written"
    _asked(where, where.method, f"{where.each}/{number}", {"body": body})
    return "replaced"


def _found(where: Place, mark: str) -> int | None:
    for page in range(1, _PAGES + 1):
        comments = _asked(where, "GET", f"{where.url}?per_page=100&page={page}")
        for comment in comments if isinstance(comments, list) else []:
            if str(comment.get("body", "")).startswith(mark):
                return int(comment["id"])
        if not isinstance(comments, list) or len(comments) < 100:
            return None
    return None


def _asked(where: Place, method: str, url: str, content: Mapping[str, str] | None = None) -> Any:
    data = json.dumps(content).encode() if content is not None else None
    headers = {**where.headers, "Content-Type": "application/json", "User-Agent": "moorage"}
    try:
        request = Request(url, data=data, headers=headers, method=method)  # noqa: S310  # the CI system's own address
        with urlopen(request, timeout=SECONDS) as answer:  # noqa: S310
            return json.loads(answer.read() or b"null")
    except HTTPError as error:
        raise PostingError(f"{where.system} answered {error.code} to the comment: {_remedy(error.code)}") from None
    except (OSError, ValueError) as error:
        raise PostingError(
            f"{where.system} does not answer at {url.partition('?')[0]}: {getattr(error, 'reason', None) or error}"
        ) from None


def _remedy(status: int) -> str:
    if status in (401, 403):
        return (
            "the job's token may not write comments. Give the job `pull-requests: write` (GitHub) or set GITLAB_TOKEN "
            "with scope api (GitLab); for pull requests of forks and of some bots it may only read"
        )
    return "its API refused it; the preview is in the job's log"
