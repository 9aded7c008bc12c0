"""The files that ``moorage policy check`` takes beside manifests: configuration and exemptions, and mistakes in them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.policy.manifest_samples import HOST, POD

ROOT = Path(__file__).parents[2]


def moorage(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    program = "from moorage.cli.start import main; main()"
    command = [sys.executable, "-c", program, "policy", "check", *arguments]
    return subprocess.run(
        command,
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
    )


EXEMPTION = {
    "policy": "disallow-host-namespaces",
    "object": "Pod/p",
    "reason": "it drives the node",
    "expires": "2027-01-31",
}


def test_exemptions_of_objects_of_others_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text(POD)
    (tmp_path / "config.json").write_text(json.dumps(HOST))
    for name, content in (
        ("a.yaml", yaml.safe_dump([EXEMPTION])),
        ("b.json", json.dumps([EXEMPTION])),
        ("c.yaml", yaml.safe_dump({"config": {"policy:exemptions": [EXEMPTION]}})),
    ):
        (tmp_path / name).write_text(content)
        result = moorage("x.yaml", "--config=config.json", f"--exemptions={name}", cwd=tmp_path)
        assert result.returncode == 0, result.stderr
        assert "exempted until 2027-01-31" in result.stdout


@pytest.mark.parametrize(("arguments", "why"), [
    (["--config", "nope.json"], "No such file"),
    (["--config", "broken.json"], "Expecting"),
    (["--config", "list.json"], "must be a JSON object"),
    (["--config", "unknown.json"], "unknown policy 'disallow-host-namespace': did you mean"),
    (["--exemptions", "nope.yaml"], "No such file"),
    (["--exemptions", "unknown.json"], "must hold a list of exemptions"),
    (["--exemptions", "wrong.yaml"], "reason must have 10 characters"),
])  # fmt: skip
def test_a_mistake_in_a_file_of_settings_is_status_2_and_one_error(
    arguments: list[str], why: str, tmp_path: Path
) -> None:
    (tmp_path / "x.yaml").write_text(POD)
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "list.json").write_text("[]")
    (tmp_path / "unknown.json").write_text('{"disallow-host-namespace": "advisory"}')
    (tmp_path / "wrong.yaml").write_text(yaml.safe_dump([EXEMPTION | {"reason": "no"}]))
    result = moorage("x.yaml", *arguments, cwd=tmp_path)
    assert result.returncode == 2
    assert why in " ".join(result.stderr.split())
    assert "Traceback" not in result.stderr
