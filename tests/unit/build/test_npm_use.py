"""Which Dockerfiles npm's lock file may be sliced for: those of which nothing could see the rest of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from moorage.build.dockerfile import parse_dockerfile
from moorage.build.lockfiles import NpmUse
from moorage.build.npm import npm_use
from moorage.build.stages import staged

ALONE, WITH_ROOT = NpmUse(root=False), NpmUse(root=True)
COPY = "COPY package.json package-lock.json ./"
INSTALL = "RUN --mount=type=cache,target=/root/.npm with-ca npm ci --workspace apps/web"
TAKE = "COPY --from=page /app/apps/web/dist /html"
DOCKERFILE = f"""
FROM node AS dependencies
WORKDIR /app
{COPY}
COPY apps/web/package.json apps/web/
{INSTALL}
FROM dependencies AS page
COPY apps/web/src apps/web/src
RUN npm run build
FROM nginx AS production
{TAKE}
"""
MOUNTED = f"""
FROM node
WORKDIR /app
RUN --mount=type=bind,source=package.json,target=package.json \\
    --mount=type=bind,source=package-lock.json,target=package-lock.json \\
    {INSTALL.removeprefix("RUN ")}
COPY apps/web/src apps/web/src
"""


def use_of(text: str, target: str = "", **build_args: str) -> NpmUse | None:
    return npm_use(staged(Path("Dockerfile"), parse_dockerfile(text), build_args), target)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("", ""),
        (COPY, "COPY package*.json ./"),
        (COPY, "COPY package.json package-lock.json /app/"),
        (INSTALL, f"{INSTALL} && rm -rf /tmp/work"),
        (INSTALL, f"{INSTALL}\nRUN npm rebuild"),
        (INSTALL, INSTALL.replace("--workspace apps/web", "-w apps/web --omit=dev")),
        (TAKE, f"{TAKE}\nCOPY --from=dependencies /app/node_modules /app/node_modules"),
        (TAKE, f"{TAKE}\nCOPY --from=0 /app/node_modules /app/node_modules"),
        (TAKE, f"{TAKE}\nRUN --mount=from=page,source=/app/node_modules,target=/m cp -r /m /n"),
        (DOCKERFILE, MOUNTED),
    ],
)
def test_a_dockerfile_that_only_installs_from_the_lock_gets_a_slice(old: str, new: str) -> None:
    assert old in DOCKERFILE
    assert use_of(DOCKERFILE.replace(old, new) if old else DOCKERFILE) == ALONE


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("--workspace apps/web", ""),
        ("--workspace apps/web", "--workspace apps/web --include-workspace-root"),
        ("--workspace apps/web", "-w apps/web -iwr"),
        ("--workspace apps/web", "--workspaces=false"),
        ("WORKDIR /app", "WORKDIR /app\nENV npm_config_include_workspace_root=true"),
        ("COPY package.json", "COPY .npmrc package.json"),
    ],
)
def test_what_the_root_needs_counts_where_it_may_be_installed(old: str, new: str) -> None:
    assert old in DOCKERFILE
    assert use_of(DOCKERFILE.replace(old, new)) == WITH_ROOT


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("FROM nginx AS production", "FROM page AS production"),
        ("FROM nginx AS production", "FROM nginx AS production\nCOPY package.json /app/"),
        (DOCKERFILE, f"ARG BASE=page{DOCKERFILE}".replace("FROM nginx", "FROM ${BASE}")),
        ("WORKDIR /app\n", ""),
        ("WORKDIR /app\n", "WORKDIR $APP\n"),
        (TAKE, "COPY --from=page /app /html"),
        (TAKE, "COPY --from=page / /html"),
        (TAKE, "COPY --from=page /app/package-lock.json /html/"),
        (TAKE, "COPY --from=dependencies /app/*.json /html/"),
        (TAKE, "COPY --from=1 /app/ /html/"),
        (TAKE, f"{TAKE}\nRUN --mount=from=page,target=/m cat /m/app/package-lock.json"),
        (TAKE, f"{TAKE}\nRUN --mount=type=bind,target=/m cat /m/package-lock.json"),
        (TAKE, f"{TAKE}\nONBUILD RUN true"),
        (INSTALL, INSTALL.replace("npm ci", "npm install")),
        (INSTALL, f"{INSTALL}\nRUN npm ls --package-lock-only > /tree"),
        (INSTALL, f"{INSTALL} && cp package-lock.json /kept"),
        (INSTALL, f"{INSTALL} | tee /log"),
        (INSTALL, INSTALL.replace("npm ci", "npm ci --prefix /elsewhere")),
        (INSTALL, INSTALL.replace("npm ci", "npm ci 'a")),
        (INSTALL, ""),
    ],
)
def test_a_dockerfile_that_could_show_more_of_the_lock_gets_all_of_it(old: str, new: str) -> None:
    assert old in DOCKERFILE
    assert use_of(DOCKERFILE.replace(old, new)) is None


@pytest.mark.parametrize("target", ["dependencies", "page", "nobody"])
def test_a_stage_with_the_lock_as_target_gets_all_of_it(target: str) -> None:
    assert use_of(DOCKERFILE, "production") == ALONE
    assert use_of(DOCKERFILE, target) is None


def test_the_shipped_page_has_a_lock_of_its_own_which_counts_whole() -> None:
    text = (Path(__file__).resolve().parents[3] / "apps/frontend/Dockerfile").read_text()
    assert use_of(text, "production") is None
