"""Where the aliases of tsconfig.json lead."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from moorage.checks.tsconfig import Aliases

ROOT = Path(__file__).resolve().parents[3]
FILE = "apps/web/src/deep/page.ts"
FILES = (FILE, "apps/web/src/util.ts", "libs/ui/src/index.ts", "libs/ui/src/button.tsx", "libs/data/index.d.ts")


def write(root: Path, configs: dict[str, Any]) -> Path:
    for file in FILES:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_text("export {};\n")
    for file, content in configs.items():
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_text(content if isinstance(content, str) else json.dumps(content))
    return root


def options(**found: Any) -> dict[str, Any]:
    return {"compilerOptions": found}


NEAREST = "apps/web/tsconfig.json"
UI = {"@ui/*": ["../../libs/ui/src/*"]}
CASES: dict[str, tuple[dict[str, Any], str, str | None]] = {
    "no configuration": ({}, "@ui/button", None),
    "no alias of that name": ({NEAREST: options(paths=UI)}, "react", None),
    "beside the file that has them": ({NEAREST: options(paths=UI)}, "@ui/button", "libs/ui/src/button"),
    "the nearest configuration": (
        {"tsconfig.json": options(paths={"@ui/*": ["libs/data/*"]}), NEAREST: options(paths=UI)},
        "@ui/button",
        "libs/ui/src/button",
    ),
    "one at the root": ({"tsconfig.json": options(paths={"@ui": ["./libs/ui/src"]})}, "@ui", "libs/ui/src"),
    "relative to baseUrl": (
        {NEAREST: options(baseUrl="../..", paths={"@ui/*": ["libs/ui/src/*"]})},
        "@ui/index.js",
        "libs/ui/src/index.js",
    ),
    "baseUrl alone": ({NEAREST: options(baseUrl="src")}, "util", "apps/web/src/util"),
    "baseUrl alone, for what is a package": ({NEAREST: options(baseUrl="src")}, "react", None),
    "the longest beginning": (
        {NEAREST: options(paths={"*": ["./src/*"], "@/*": ["./src/*"], "@/ui/*": ["../../libs/ui/src/*"]})},
        "@/ui/index",
        "libs/ui/src/index",
    ),
    "no star before any": (
        {NEAREST: options(paths={"@ui/*": ["./src/*"], "@ui/index": ["../../libs/data"]})},
        "@ui/index",
        "libs/data",
    ),
    "the first that exists": (
        {NEAREST: options(paths={"@/*": ["./src/*", "../../libs/ui/src/*"]})},
        "@/button",
        "libs/ui/src/button",
    ),
    "where none exists, the first": ({NEAREST: options(paths=UI)}, "@ui/gone", "libs/ui/src/gone"),
    "a beginning and an end": (
        {NEAREST: options(paths={"ui-*-x": ["../../libs/ui/src/*"]})},
        "ui-index-x",
        "libs/ui/src/index",
    ),
    "too short for both": ({NEAREST: options(paths={"ab*b": ["./src/*"]})}, "ab", None),
    "inherited, relative to where they are written": (
        {NEAREST: {"extends": "../../config/base"}, "config/base.json": options(paths={"@ui/*": ["../libs/ui/src/*"]})},
        "@ui/button",
        "libs/ui/src/button",
    ),
    "inherited over two steps": (
        {
            NEAREST: {"extends": ["./a.json", "./b.json"]},
            "apps/web/a.json": options(paths={"@ui/*": ["../../libs/data/*"]}),
            "apps/web/b.json": {"extends": "./c.json"},
            "apps/web/c.json": options(paths=UI),
        },
        "@ui/button",
        "libs/ui/src/button",
    ),
    "its own instead of inherited ones": (
        {NEAREST: {"extends": "./a.json"} | options(paths=UI), "apps/web/a.json": options(paths={"@x/*": ["./src/*"]})},
        "@x/util",
        None,
    ),
    "its own, relative to an inherited baseUrl": (
        {
            NEAREST: {"extends": "../../a.json"} | options(paths={"@ui/*": ["libs/ui/src/*"]}),
            "a.json": options(baseUrl="."),
        },
        "@ui/button",
        "libs/ui/src/button",
    ),
    "inherited, of the folder that inherits": (
        {NEAREST: {"extends": "../../a.json"}, "a.json": options(paths={"@/*": ["${configDir}/src/*"]})},
        "@/util",
        "apps/web/src/util",
    ),
    "of a package, which is not followed": ({NEAREST: {"extends": "@tsconfig/node20"}}, "@ui/button", None),
    "in a circle": (
        {NEAREST: {"extends": "./a.json"} | options(paths=UI), "apps/web/a.json": {"extends": "./tsconfig.json"}},
        "@ui/button",
        "libs/ui/src/button",
    ),
    "of a referenced project": (
        {
            NEAREST: {"files": [], "references": [{"path": "./tsconfig.app.json"}]},
            "apps/web/tsconfig.app.json": options(paths=UI),
        },
        "@ui/button",
        "libs/ui/src/button",
    ),
    "of a referenced folder": (
        {
            NEAREST: {"references": [{"path": "../../libs"}, 1]},
            "libs/tsconfig.json": options(paths={"@ui/*": ["ui/src/*"]}),
        },
        "@ui/button",
        "libs/ui/src/button",
    ),
    "among comments and commas": (
        {
            NEAREST: '\ufeff{ // "paths"\n "compilerOptions": { /* , } */ "paths": {"@//*": ["../../libs/ui/src/*",],}, },\n}'
        },
        "@//button",
        "libs/ui/src/button",
    ),
    "of JavaScript": ({"apps/web/jsconfig.json": options(paths=UI)}, "@ui/button", "libs/ui/src/button"),
    "broken": ({NEAREST: "{"}, "@ui/button", None),
    "of another form": ({NEAREST: "[]"}, "@ui/button", None),
    "with options of another form": ({NEAREST: options(paths=["a"], baseUrl=1)}, "@ui/button", None),
}


@pytest.mark.parametrize("name", CASES)
def test_an_alias_leads_where_typescript_takes_it(tmp_path: Path, name: str) -> None:
    configs, module, expected = CASES[name]
    assert Aliases(write(tmp_path, configs)).path(FILE, module) == expected


RESOLVE = """
const ts = require(process.argv[1]);
const found = JSON.parse(require("fs").readFileSync(0)).map(([config, file, module]) => {
  const host = { ...ts.sys, onUnRecoverableConfigFileDiagnostic: () => {} };
  const options = { moduleResolution: ts.ModuleResolutionKind.Bundler, module: ts.ModuleKind.ESNext };
  const parsed = ts.getParsedCommandLineOfConfigFile(config, options, host);
  return ts.resolveModuleName(module, file, parsed.options, ts.sys).resolvedModule?.resolvedFileName ?? null;
});
console.log(JSON.stringify(found));
"""


def test_typescript_itself_finds_the_same(tmp_path: Path) -> None:
    """Hold the cases against the compiler, where the page's tools are installed."""
    compiler, node = ROOT / "apps/frontend/node_modules/typescript/lib/typescript.js", shutil.which("node")
    if not compiler.exists() or node is None:
        pytest.skip("`make test` installs TypeScript first")
    # A referenced project has its own command line, and what does not exist resolves to nothing.
    left_out = {"of a referenced project", "of a referenced folder", "where none exists, the first"}
    names = [name for name, (configs, _, _) in CASES.items() if NEAREST in configs and name not in left_out]
    roots = [write(tmp_path / str(number), CASES[name][0]) for number, name in enumerate(names)]
    asked = [[str(root / NEAREST), str(root / FILE), CASES[name][1]] for root, name in zip(roots, names, strict=True)]
    command = [node, "-e", RESOLVE, str(compiler)]
    told = subprocess.run(command, input=json.dumps(asked), capture_output=True, text=True, check=True).stdout
    found = [
        file and Path(file).relative_to(root).parts[:2] for file, root in zip(json.loads(told), roots, strict=True)
    ]
    expected = [CASES[name][2] for name in names]
    assert dict(zip(names, found, strict=True)) == {
        name: path and Path(path).parts[:2] for name, path in zip(names, expected, strict=True)
    }
