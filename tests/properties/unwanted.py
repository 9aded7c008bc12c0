"""What has no place in a production image, as a person would list it: paths by rule, ``{}`` standing for a word."""

from __future__ import annotations


def words(text: str) -> list[str]:
    """Return the words of a text."""
    return text.split()


def _programs(names: str, folder: str = "/usr/bin") -> list[str]:
    return [f"{folder}/{name}" for name in words(names)]


COMPILERS = _programs(
    "gcc g++ cc c++ cpp clang clang++ gfortran ld ld.bfd ld.gold lld as ar nm ranlib strip objdump objcopy make gmake "
    "cmake ninja rustc go gofmt javac ghc gdb tsc gcc-14 clang-19.1 x86_64-linux-gnu-g++-14 aarch64-linux-musl-gcc "
    "i686-linux-gnu-ld"
)
PACKAGE_MANAGERS = _programs(
    "pip pip3.13 pipx uv uvx poetry conda mamba easy_install npm npx yarn yarnpkg pnpm corepack apt apt-get apt-cache "
    "apt-key aptitude dpkg dpkg-deb dpkg-query rpm dnf microdnf yum zypper apk pacman gem bundle cargo rustup composer",
    "/usr/local/bin",
)
SHELLS = _programs("sh bash dash ash rbash zsh ksh ksh93 mksh csh tcsh fish busybox toybox", "/bin")
MANAGERS_PACKAGES = [
    f"/usr/lib/python3/dist-packages/{name}/{{}}.py" for name in ("pip", "setuptools", "ensurepip", "wheel")
]
MANAGERS_PACKAGES += [
    "/usr/lib/python3/site-packages/pip/{}.py",
    "/app/packages/pip/{}.py",
    "/usr/lib/python3/ensurepip/{}.py",
    "/usr/lib/python3.13/ensurepip/{}.py",
    *(f"/app/packages/{name}-80.9.0.dist-info/{{}}" for name in ("pip", "setuptools", "wheel")),
    "/app/packages/pip-9.0.egg-info/{}",
    *(f"/usr/local/lib/node_modules/{name}/lib/{{}}.js" for name in ("npm", "yarn", "pnpm", "corepack")),
]
DEVELOPMENT = [
    f"/app/packages/{name}/{{}}.py"
    for name in words(
        "pytest _pytest pytest_asyncio mypy mypyc ruff black flake8 pylint coverage hypothesis tox nox ipython jupyter "
        "debugpy isort"
    )
]
DEVELOPMENT += ["/app/packages/mypy-1.18.2.dist-info/{}", "/app/packages/nox-1.egg-info/{}"]
DEVELOPMENT += [
    "/app/packages/mypy/typeshed/{}.json",
    "/app/node_modules/vite/dist/{}.js",
    "/app/node_modules/jest-util/{}.js",
]
DEVELOPMENT += [
    f"/app/node_modules/{name}/{{}}.js"
    for name in words(
        "typescript vite webpack rollup esbuild eslint prettier jest vitest mocha @types/node @biomejs/biome @babel/core"
    )
]
TESTS = [
    "/app/packages/{}/tests/helper.py",
    "/app/packages/{}/test/helper.py",
    "/app/source/__tests__/{}.js",
    "/app/source/testdata/{}.json",
    "/app/source/spec/{}.rb",
    "/app/source/test_{}.py",
    "/app/source/test_{}.pyc",
    "/app/source/{}_test.py",
    "/app/source/conftest.py",
    "/app/source/__pycache__/test_{}.cpython-313.pyc",
    "/app/source/__pycache__/conftest.cpython-313.pyc",
    "/usr/share/nginx/html/{}.test.js",
    "/usr/share/nginx/html/{}.spec.tsx",
    "/usr/share/nginx/html/{}.test.mjs",
    "/usr/share/nginx/html/{}.test.cts",
]
CACHES = ["/var/cache/apt/archives/{}", "/var/lib/apt/lists/{}_Packages", "/var/lib/dpkg/status-old", "/var/lib/apk/{}"]
CACHES += ["/app/.cache", "/var/cache", "/var/lib/apk", "/var/lib/apt/lists"]
CACHES += [
    f"/app/{name}/{{}}"
    for name in words(
        ".cache .npm _cacache .yarn .pnpm-store .cargo/registry .gradle .m2 __pypackages__ .mypy_cache .ruff_cache "
        ".pytest_cache"
    )
]
TEMPORARY = ["/tmp/{}", "/var/tmp/{}/x"]
TEMPORARY += [f"/app/{{}}.{ending}" for ending in words("tmp temp swp swo bak orig rej part")]
TEMPORARY += ["/app/{}.py~", "/app/.DS_Store", "/app/Thumbs.db", "/app/core.123", "/root/.wget-hsts"]
TEMPORARY += ["/root/.python_history", "/root/.bash_history", "/app/nohup.out"]
TEMPORARY += ["/var/log/{}.log", "/var/log/{}.gz", "/var/log/apt/{}.1"]
ARTIFACTS = [
    f"/app/{{}}.{ending}"
    for ending in words("o a la lo obj c cc cpp cxx h hpp pxd pyx pyi whl egg deb rpm apk tsbuildinfo")
]
ARTIFACTS += [
    f"/app/{{}}/{name}"
    for name in words("CMakeCache.txt Makefile config.log Dockerfile package-lock.json uv.lock .git .git/config")
]
BUILDERS = {
    "no-compilers": COMPILERS,
    "no-package-managers": [*PACKAGE_MANAGERS, *MANAGERS_PACKAGES],
    "no-shells": SHELLS,
    "no-development-packages": DEVELOPMENT,
    "no-tests": TESTS,
}
"""What a service does not run with."""
LEFT_OVER = {"no-caches": CACHES, "no-temporary-files": TEMPORARY, "no-build-artifacts": ARTIFACTS}
"""What a build leaves behind."""
