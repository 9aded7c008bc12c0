"""The images of the running stack: checked, described, and reported on as they were built."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from tests.live.one_line import SOURCE

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser

    from tests.live.one_line import OneLine
    from tests.support.checkout import Checkout

SOURCE_FOLDER = SOURCE.rpartition("/")[0]


def test_every_production_image_of_the_stack_passes_the_check(copy: Checkout) -> None:
    verdicts = json.loads(copy.moorage("images", "check", copy.stack, "--json").stdout)
    assert {verdict["name"]: verdict["findings"] for verdict in verdicts} == {
        name: [] for name in ("backend", "frontend", "worker", "postgres", "redis")
    }


def test_an_image_of_a_build_stage_does_not_pass(copy: Checkout) -> None:
    result = copy.moorage("images", "check", "127.0.0.1:5000/library/debian:trixie-slim", "--json", check=False)
    assert result.returncode == 1
    (verdict,) = json.loads(result.stdout)
    rules = {finding["rule"] for finding in verdict["findings"]}
    assert rules >= {"no-shells", "no-package-managers", "no-setuid", "require-non-root-user", "require-labels"}


def test_a_value_that_is_in_an_image_is_found_and_one_that_is_not_is_not(copy: Checkout, tmp_path: Path) -> None:
    reference = f"127.0.0.1:5000/harbour/worker:{copy.stack}"
    (tmp_path / "absent").write_text("no image has this value")
    (tmp_path / "present").write_text("Counts what the harbour log records")
    clean = copy.moorage("images", "check", reference, "--secret-file", str(tmp_path / "absent"), check=False)
    assert "no-secrets" not in clean.stdout
    found = copy.moorage("images", "check", reference, "--secret-file", str(tmp_path / "present"), check=False)
    assert "the secret present is in its config or history" in found.stdout


def test_the_bill_of_each_image_is_valid_and_has_what_the_image_runs_on(copy: Checkout) -> None:
    for image, package in (
        ("backend", "pkg:pypi/fastapi@"),
        ("frontend", "pkg:npm/react@"),
        ("postgres", "postgresql-17@"),
    ):
        document = copy.moorage("sbom", image, "--stack", copy.stack).stdout
        assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(document) is None
        assert any(package in entry["purl"] for entry in json.loads(document)["components"])


def test_an_update_that_builds_is_reported_with_the_file_that_it_was_for(
    one_line: OneLine, tmp_path: Path, browser: Browser
) -> None:
    (backend,) = [image for image in one_line.report["images"] if image["image"] == "backend"]
    copied = [step for step in backend["steps"] if step["text"].startswith("COPY") and SOURCE_FOLDER in step["text"]]
    assert {step["missed"] or "cached" for step in copied} == {f"{SOURCE} changed"}
    assert len(backend["trend"]) > 1
    assert backend["layers"]
    page = tmp_path / "report.html"
    page.write_text(one_line.page)
    with browser.new_context(viewport={"width": 390, "height": 800}, color_scheme="dark") as context:
        shown = context.new_page()
        requests: list[str] = []
        shown.on("request", lambda request: requests.append(request.url))
        shown.goto(page.as_uri())
        assert requests == [page.as_uri()]
        assert shown.evaluate("document.documentElement.scrollWidth") == 390, "nothing to scroll sideways on a phone"
        assert shown.get_by_role("heading", name="backend").is_visible()
