"""A comment is written once and replaced afterwards: against a server that keeps comments as GitHub and GitLab do."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from moorage.ci import posting

if TYPE_CHECKING:
    from collections.abc import Iterator

BODY = "<!-- moorage preview dev -->\n### Preview"


class Forge(ThreadingHTTPServer):
    """Comments of one request, and what was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.comments: list[dict[str, Any]] = []
        self.asked: list[tuple[str, str, str]] = []
        self.refuses = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    """Answers as far as `posting` asks."""

    server: Forge

    def _answer(self) -> None:
        token = self.headers.get("Authorization") or self.headers.get("PRIVATE-TOKEN") or ""
        path, _, query = self.path.partition("?")
        self.server.asked.append((self.command, path, token))
        length = int(self.headers.get("Content-Length") or 0)
        given: Any = json.loads(self.rfile.read(length)) if length else {}
        found: Any = None
        if self.command == "GET":
            page = int(query.rpartition("page=")[2])
            found = self.server.comments[(page - 1) * 100 : page * 100]
        elif self.command == "POST":
            self.server.comments.append({"id": len(self.server.comments) + 1, **given})
        else:
            number = int(path.rpartition("/")[2])
            next(one for one in self.server.comments if one["id"] == number)["body"] = given["body"]
        self.send_response(self.server.refuses or 200)
        self.end_headers()
        self.wfile.write(json.dumps(found).encode())

    do_GET = do_POST = do_PATCH = do_PUT = _answer  # noqa: N815  # the base class's names

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the signature of the base class
        pass


@pytest.fixture
def forge() -> Iterator[Forge]:
    with Forge() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def github(forge: Forge) -> dict[str, str]:
    return {"GITHUB_REPOSITORY": "acme/app", "GITHUB_API_URL": forge.url, "NUMBER": "7", "GH_TOKEN": "canary"}


def gitlab(forge: Forge) -> dict[str, str]:
    return {"CI_API_V4_URL": forge.url, "CI_PROJECT_ID": "3", "CI_MERGE_REQUEST_IID": "7", "GITLAB_TOKEN": "canary"}


@pytest.mark.parametrize("system", [github, gitlab])
def test_a_comment_is_written_and_then_replaced_among_many_others(forge: Forge, system: Any) -> None:
    forge.comments = [{"id": number, "body": "nice"} for number in range(1, 151)]
    where = posting.place(system(forge))
    assert where is not None
    assert posting.post(where, BODY) == "written"
    assert posting.post(where, BODY + " of a later commit") == "replaced"
    assert [one["body"] for one in forge.comments if "moorage" in one["body"]] == [BODY + " of a later commit"]
    assert all("canary" in token for _, _, token in forge.asked)


def test_the_comment_of_another_stack_is_left_alone(forge: Forge) -> None:
    where = posting.place(github(forge))
    assert where is not None
    posting.post(where, BODY)
    assert posting.post(where, BODY.replace("dev", "prod")) == "written"
    assert len(forge.comments) == 2


def test_a_token_without_rights_is_told_with_what_to_give_the_job_and_not_shown(forge: Forge) -> None:
    forge.refuses = 403
    where = posting.place(github(forge))
    assert where is not None
    with pytest.raises(posting.PostingError, match="pull-requests: write") as error:
        posting.post(where, BODY)
    assert "canary" not in str(error.value)


def test_an_api_that_does_not_answer_is_named() -> None:
    where = posting.place({"GITHUB_REPOSITORY": "a/b", "GITHUB_API_URL": "http://127.0.0.1:9", "NUMBER": "7"})
    assert where is not None
    with pytest.raises(posting.PostingError, match=r"does not answer at http://127\.0\.0\.1:9"):
        posting.post(where, BODY)


@pytest.mark.parametrize("environ", [{}, {"GITHUB_REPOSITORY": "a/b"}, {"CI_API_V4_URL": "http://x"}])
def test_a_job_of_no_request_has_no_place_for_comments(environ: dict[str, str]) -> None:
    assert posting.place(environ) is None
