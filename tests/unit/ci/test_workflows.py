"""The workflows: what each job may do, what it waits for, and that nothing unpinned runs in it."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
GITHUB = ROOT / ".github"
FILES = {str(path.relative_to(GITHUB)): yaml.safe_load(path.read_text()) for path in sorted(GITHUB.rglob("*/*.yml"))}
TEST, PREVIEW, UP = (FILES[f"workflows/{name}.yml"] for name in ("test", "preview", "up"))
SETUP = FILES["actions/setup/action.yml"]
EVENTS = True
"""The key ``on`` as YAML 1.1 reads it."""
PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}")


def jobs() -> list[tuple[str, dict[str, Any]]]:
    return [(f"{name} {job}", body) for name, file in FILES.items() for job, body in file.get("jobs", {}).items()]


def steps() -> list[tuple[str, dict[str, Any]]]:
    found = [(name, step) for name, job in jobs() for step in job.get("steps", ())]
    return found + [("setup", step) for step in SETUP["runs"]["steps"]]


def step(name: str, *, of: dict[str, Any]) -> dict[str, Any]:
    (found,) = [step for step in of["steps"] if step.get("name") == name]
    assert isinstance(found, dict)
    return found


def test_every_action_is_pinned_by_its_commit_and_names_its_version() -> None:
    uses = [
        use
        for path in GITHUB.rglob("*/*.yml")
        for use in re.findall(r"^[ -]+uses: (.*)$", path.read_text(), re.MULTILINE)
    ]
    assert len(uses) > 10
    assert [
        use for use in uses if not use.startswith("./") and not re.fullmatch(PINNED.pattern + r" # v\d+(\.\d+)*", use)
    ] == []


def test_one_action_has_one_commit_everywhere() -> None:
    found: dict[str, set[str]] = {}
    for path in GITHUB.rglob("*.yml"):
        for repository, commit in re.findall(r"uses: ([\w.-]+/[\w.-]+)\S*@([0-9a-f]{40})", path.read_text()):
            found.setdefault(repository, set()).add(commit)
    assert {name: commits for name, commits in found.items() if len(commits) > 1} == {}


@pytest.mark.parametrize("text", [r"\|\s*(sudo\s+)?(ba|z|da)?sh\b", r"\bcurl\b", r"\bwget\b", r"<\(", r"\beval\b"])
def test_nothing_that_was_downloaded_is_run_unseen(text: str) -> None:
    assert [(name, step["name"]) for name, step in steps() if re.search(text, step.get("run", ""))] == []


def test_scripts_take_what_comes_from_outside_by_variable_only() -> None:
    assert [(name, step["name"]) for name, step in steps() if "${{" in step.get("run", "")] == []


def test_no_checkout_leaves_a_credential_behind() -> None:
    checkouts = [step for _, step in steps() if step.get("uses", "").startswith("actions/checkout@")]
    assert len(checkouts) == 4
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_a_job_has_the_permissions_that_it_uses_and_a_workflow_none() -> None:
    assert all(file["permissions"] == {} for name, file in FILES.items() if name.startswith("workflows/"))
    identity = {"contents": "read", "id-token": "write"}
    assert {name: job["permissions"] for name, job in jobs()} == {
        "workflows/preview.yml preview": identity | {"pull-requests": "write"},
        "workflows/test.yml test": {"contents": "read"},
        "workflows/up.yml test": {"contents": "read"},
        "workflows/up.yml up": identity,
    }


def test_the_jobs_that_reach_a_cloud_have_an_environment_that_its_trust_can_name() -> None:
    assert {name: job.get("environment") for name, job in jobs() if "id-token" in job["permissions"]} == {
        "workflows/preview.yml preview": "preview",
        "workflows/up.yml up": "${{ matrix.stack }}",
    }


def test_both_workflows_hand_the_setup_everything_it_can_use() -> None:
    for workflow, job in ((PREVIEW, "preview"), (UP, "up")):
        (setup,) = [step for step in workflow["jobs"][job]["steps"] if step.get("uses") == "./.github/actions/setup"]
        assert setup["with"].keys() == SETUP["inputs"].keys()
        assert set(re.findall(r"vars\.(AWS\w+|GOOGLE\w+|AZURE\w+)", str(setup["with"]))) == {
            "AWS_ROLE",
            "AWS_REGION",
            "GOOGLE_WORKLOAD_IDENTITY_PROVIDER",
            "GOOGLE_SERVICE_ACCOUNT",
            "AZURE_CLIENT_ID",
            "AZURE_TENANT_ID",
            "AZURE_SUBSCRIPTION_ID",
        }


def test_every_cloud_is_optional() -> None:
    assert [name for name, text in SETUP["inputs"].items() if text["required"]] == ["stack"]
    clouds = ("aws-actions/", "google-github-actions/", "azure/")
    for step_ in (step for step in SETUP["runs"]["steps"] if step.get("uses", "").startswith(clouds)):
        assert re.fullmatch(r"inputs\.[a-z-]+ != ''( && inputs\.[a-z-]+ != '')*", step_["if"])


def test_what_the_job_was_given_is_looked_at_before_anything_else() -> None:
    assert SETUP["runs"]["steps"][0]["run"] == 'python3 -m moorage.ci.given "$STACK"'
    named = set(
        re.findall(r'given\.get\(\s*"(\w+)"|"([A-Z]+_[A-Z_]+)"', (ROOT / "moorage" / "ci" / "given.py").read_text())
    )
    read = {name for pair in named for name in pair if name} - {"ACTIONS_ID_TOKEN_REQUEST_URL"}
    handed = set(SETUP["runs"]["steps"][0]["env"]) | set(UP["jobs"]["up"]["env"])
    assert read <= handed


@pytest.mark.parametrize(("workflow", "job"), [(PREVIEW, "preview"), (UP, "up")])
def test_a_secret_that_is_missing_does_not_reach_pulumi_as_an_empty_text(workflow: dict[str, Any], job: str) -> None:
    secret = [step for step in workflow["jobs"][job]["steps"] if "PULUMI_CONFIG_PASSPHRASE" in step.get("env", {})]
    assert secret
    assert all(step["run"].startswith(".ci/unset-empty ") for step in secret)


@pytest.mark.parametrize("name", ["PULUMI_CONFIG_PASSPHRASE", "PULUMI_ACCESS_TOKEN", "PULUMI_BACKEND_URL"])
def test_empty_variables_are_taken_away_and_others_kept(name: str) -> None:
    script = f'.ci/unset-empty printenv {name} || echo "none"'
    env = {"PATH": os.environ["PATH"]}

    def shown(**variables: str) -> str:
        command = ["bash", "-c", script]
        return subprocess.run(command, cwd=ROOT, env=env | variables, capture_output=True, text=True, check=True).stdout

    assert [shown(**{name: ""}), shown(), shown(**{name: "a b"})] == ["none\n", "none\n", "a b\n"]


def test_an_update_waits_for_the_tests_of_its_own_commit() -> None:
    assert UP["jobs"]["test"]["uses"] == "./.github/workflows/test.yml"
    assert UP["jobs"]["up"]["needs"] == "test"
    assert "if" not in UP["jobs"]["up"]
    assert "workflow_call" in TEST[EVENTS]
    assert UP[EVENTS] == {"push": {"branches": ["main"]}}
    assert "push" not in TEST[EVENTS]  # or main's commits would be tested twice


def test_an_update_is_not_cut_off_and_never_takes_a_stack_back() -> None:
    up = UP["jobs"]["up"]
    assert up["concurrency"] == {"group": "up-${{ matrix.stack }}", "cancel-in-progress": False}
    assert up["strategy"]["max-parallel"] == 1
    assert up["strategy"].get("fail-fast", True)
    names = [step.get("name") for step in up["steps"]]
    order = names.index("Is the stack at a later commit")
    assert step("Is the stack at a later commit", of=up)["id"] == "order"
    acting = up["steps"][order + 1 :]
    assert [step["name"] for step in acting] == ["Preview", "Up"]
    assert all(step["if"] == "steps.order.outputs.later == ''" for step in acting)
    assert up["steps"][0]["with"]["fetch-depth"] == 0


def test_tests_of_main_are_not_cancelled_by_the_next_push() -> None:
    assert TEST["concurrency"]["cancel-in-progress"] == "${{ github.event_name == 'pull_request' }}"
    assert PREVIEW["concurrency"]["cancel-in-progress"] is True


def test_a_preview_judges_with_the_base_branch_and_never_runs_for_forks() -> None:
    job = PREVIEW["jobs"]["preview"]
    assert set(PREVIEW[EVENTS]) == {"pull_request"}
    assert job["if"] == "github.event.pull_request.head.repo.full_name == github.repository"
    assert step("Policy pack of the base branch", of=job)["with"]["ref"] == "${{ github.event.pull_request.base.sha }}"
    assert step("Preview", of=job)["env"]["MOORAGE_POLICY_PACK"] == ".moorage/base/policy"


def test_the_toolchain_is_kept_by_its_pins_and_compiled_only_where_they_changed() -> None:
    test = TEST["jobs"]["test"]
    kept, made, saved = (step(name, of=test) for name in ("Compiled toolchain", "Toolchain", "Keep the toolchain"))
    assert "hashFiles('moorage/platform/toolchain/**')" in kept["with"]["key"]
    assert "runner.arch" in kept["with"]["key"]
    assert (ROOT / "moorage/platform/toolchain/kubernetes/component.toml").is_file()
    missed = "steps.toolchain.outputs.cache-hit != 'true'"
    assert (made["if"], saved["if"]) == (missed, missed)
    assert saved["with"] == {
        "path": kept["with"]["path"],
        "key": "${{ steps.toolchain.outputs.cache-primary-key }}",
    }
    names = [step.get("name") for step in test["steps"]]
    assert names.index("Keep the toolchain") < names.index("Test")
    cache = kept["with"]["path"].replace("~", "$HOME").removesuffix("/toolchain")
    assert all(f'MOORAGE_CACHE="{cache}"' in step["run"] for step in (made, step("Test", of=test)))
    assert made["run"].index("rm -rf") < made["run"].index("tools.toolchain")


def test_providers_are_downloaded_with_a_token() -> None:
    providers = step("Pulumi's providers", of=SETUP["runs"])
    assert providers["env"]["GITHUB_TOKEN"] == "${{ github.token }}"
    assert all(
        "GITHUB_TOKEN" not in step.get("env", {}) for _, step in steps() if "make preview" in step.get("run", "")
    )
