"""What CI does with a stack, step by step, once for every system: the text of each step is the same in all of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

PLAN_FILE: Final = "moorage.plan"


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step: a title, and a script for bash with ``errexit`` and ``pipefail``."""

    title: str
    run: str
    env: Mapping[str, str] = field(default_factory=dict)
    """What the script calls a variable whose usual name is another."""
    secrets: bool = False
    """Whether it is given the passphrase and Pulumi Cloud's token; no other step is."""


@dataclass(frozen=True, kw_only=True)
class Name:
    """A variable or a secret that somebody sets in the CI system."""

    name: str
    secret: bool = False


NAMES: Final = (
    Name(name="PULUMI_BACKEND_URL"),
    Name(name="PULUMI_ACCESS_TOKEN", secret=True),
    Name(name="PULUMI_CONFIG_PASSPHRASE", secret=True),
    Name(name="REGISTRY"),
    Name(name="REGISTRY_USERNAME"),
    Name(name="REGISTRY_PASSWORD", secret=True),
    Name(name="KUBECONFIG", secret=True),
    Name(name="KUBECONFIG_READER", secret=True),
    Name(name="AWS_ROLE"),
    Name(name="AWS_REGION"),
    Name(name="GOOGLE_WORKLOAD_IDENTITY_PROVIDER"),
    Name(name="GOOGLE_SERVICE_ACCOUNT"),
    Name(name="AZURE_CLIENT_ID"),
    Name(name="AZURE_TENANT_ID"),
    Name(name="AZURE_SUBSCRIPTION_ID"),
    Name(name="AZURE_STORAGE_ACCOUNT"),
)
"""Everything that a job may be given; docs/ci.md says what each holds."""

GIVEN: Final = Step(title="What the job was given", run='python3 -m moorage.ci.given "$STACK"', secrets=True)
REGISTRY: Final = Step(
    title="Registry",
    env={
        "PASSWORD": "REGISTRY_PASSWORD",
        "USERNAME": "REGISTRY_USERNAME",
        "AWS": "AWS_ROLE",
        "GOOGLE": "GOOGLE_WORKLOAD_IDENTITY_PROVIDER",
        "AZURE": "AZURE_CLIENT_ID",
    },
    run=r"""if [ -n "$PASSWORD" ]; then
  printf '%s' "$PASSWORD" | docker login "$REGISTRY" --username "$USERNAME" --password-stdin
  exit
fi
# A password made from the job's identity: good for 12 hours on ECR, one hour on Artifact Registry, three on ACR.
case ${AWS:+aws}${GOOGLE:+google}${AZURE:+azure}:$REGISTRY in
  *aws*:*.dkr.ecr.*.amazonaws.com* | *aws*:*.dkr-ecr.*.on.aws)
    region=${REGISTRY#*.dkr[.-]ecr.}
    aws ecr get-login-password --region "${region%%.*}" | docker login "$REGISTRY" --username AWS --password-stdin ;;
  *google*:*-docker.pkg.dev | *google*:gcr.io | *google*:*.gcr.io)
    gcloud auth print-access-token | docker login "$REGISTRY" --username oauth2accesstoken --password-stdin ;;
  *azure*:*.azurecr.io)
    az acr login --name "${REGISTRY%%.*}" --expose-token --output tsv --query accessToken |
      docker login "$REGISTRY" --username 00000000-0000-0000-0000-000000000000 --password-stdin ;;
  *)
    printf '::error title=No login for %s::set REGISTRY_USERNAME and REGISTRY_PASSWORD, or the identity of the cloud that this registry belongs to (docs/ci.md)\n' "$REGISTRY"
    exit 1 ;;
esac""",
)
CLUSTER: Final = Step(
    title="Cluster",
    env={"CONTENT": "KUBECONFIG_CONTENT", "AZURE": "AZURE_CLIENT_ID"},
    run=r"""umask 077
mkdir -p "$HOME/.kube"
printf '%s' "$CONTENT" > "$HOME/.kube/config"
# AKS's kubeconfig asks for a browser; with this it asks the Azure login above.
if [ -n "$AZURE" ]; then kubelogin convert-kubeconfig --login azurecli; fi""",
)
ENVIRONMENT: Final = Step(title="Python environment", run="make .venv/ready")
PREVIEW: Final = Step(
    title="Preview",
    secrets=True,
    run='.ci/unset-empty .venv/bin/moorage preview "$STACK" --report report.json 2>&1 | tee preview.txt',
)
COMMENT: Final = Step(
    title="Comment", run='python3 -m moorage.ci.comment "$STACK" preview.txt --report report.json --post'
)
LATER: Final = Step(
    title="Is the stack at a later commit",
    secrets=True,
    run='.ci/unset-empty .venv/bin/python -m moorage.ci.later "$STACK" | tee -a "${GITHUB_OUTPUT:-later.txt}"',
)
PLAN: Final = Step(
    title="Plan",
    secrets=True,
    run=f"""status=0
.ci/unset-empty .venv/bin/moorage preview "$STACK" --save {PLAN_FILE} --report report.json 2>&1 | tee preview.txt || status=$?
python3 -m moorage.ci.comment "$STACK" preview.txt --report report.json >> "${{GITHUB_STEP_SUMMARY:-summary.md}}"
exit "$status\"""",
)
UP: Final = Step(
    title="Up",
    secrets=True,
    run=f'.ci/unset-empty .venv/bin/moorage up "$STACK" --yes --plan {PLAN_FILE}',
)
UNLOCK: Final = Step(
    title="Lock of an update that was cut off",
    secrets=True,
    run='.ci/unset-empty .venv/bin/moorage ci unlock "$STACK"',
)
DRIFT: Final = Step(title="Drift", secrets=True, run='.ci/unset-empty .venv/bin/moorage drift "$STACK"')
ENVIRONMENT_UP: Final = Step(
    title="Environment",
    secrets=True,
    run='.ci/unset-empty .venv/bin/moorage up "pr-$NUMBER" --ephemeral --from "$STACK"',
)
ENVIRONMENT_DOWN: Final = Step(
    title="Reap the environment of a closed pull request",
    secrets=True,
    run='.ci/unset-empty .venv/bin/moorage reap "pr-$NUMBER" --from "$STACK"',
)
REAP: Final = Step(title="Reap", secrets=True, run='.ci/unset-empty .venv/bin/moorage reap --from "$STACK"')

STEPS: Final = {
    "given": GIVEN,
    "registry": REGISTRY,
    "cluster": CLUSTER,
    "environment": ENVIRONMENT,
    "preview": PREVIEW,
    "comment": COMMENT,
    "later": LATER,
    "plan": PLAN,
    "up": UP,
    "unlock": UNLOCK,
    "drift": DRIFT,
    "environment_up": ENVIRONMENT_UP,
    "environment_down": ENVIRONMENT_DOWN,
    "reap": REAP,
}
"""Every step by the name under which the templates know it."""
SETUP: Final = ("given", "registry", "cluster", "environment")
JOBS: Final = {
    "preview": ("preview", "comment"),
    "plan": ("plan",),
    "up": ("later", "up", "unlock"),
    "drift": ("drift",),
    "environment": ("environment_up",),
    "close": ("environment_down",),
    "reap": ("reap",),
}
"""The steps of each job, after those of `SETUP`."""
