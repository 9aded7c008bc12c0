"""One process of a service that is being developed: how it is started, and what it tells of itself."""

from __future__ import annotations

import array
import contextlib
import importlib
import json
import logging
import os
import runpy
import signal
import socket
import sys
import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harbour.revision import VARIABLE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harbour.reload_link import Request

_MOST_BYTES = 1 << 20


@dataclass(kw_only=True)
class Process:
    """A process, and the channel on which it says that it listens or why it failed."""

    pid: int
    channel: socket.socket
    request: Request | None
    began: float = field(default_factory=time.monotonic)
    stopped: float = 0.0
    closed: bool = False
    failure: dict[str, Any] | None = None
    exit_code: int = 0
    gone: bool = False
    _text: bytes = b""

    @property
    def seconds(self) -> float:
        """Seconds since it was started."""
        return time.monotonic() - self.began

    def answer(self, message: dict[str, Any]) -> None:
        """Tell who asked for this process, once."""
        request, self.request = self.request, None
        if request:
            request.answer(message)

    def receive(self) -> tuple[list[dict[str, Any]], dict[str, socket.socket]]:
        """Return what it said, and the sockets that it listens on by their address."""
        sockets: dict[str, socket.socket] = {}
        with contextlib.suppress(BlockingIOError, ConnectionError):
            while True:
                text, numbers = _receive(self.channel)
                self._text += text
                for number in numbers:
                    listening = socket.socket(fileno=number)
                    sockets[_address(listening.getsockname())] = listening
                if not text:
                    self.closed = True
                    break
        *lines, self._text = self._text.split(b"\n")
        return [json.loads(line) for line in lines], sockets

    def ended(self) -> bool:
        """Return whether it has ended, and learn its exit code."""
        return not self.gone and self._waited(os.WNOHANG)

    def wait(self, seconds: float) -> None:
        """Return once it has ended, killed where that takes too long."""
        deadline = time.monotonic() + seconds
        while not self.gone and not self._waited(os.WNOHANG):
            if time.monotonic() > deadline:
                self.kill()
            time.sleep(0.01)

    def terminate(self) -> None:
        """Ask it to end."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if not self.gone:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def _waited(self, options: int) -> bool:
        pid, status = os.waitpid(self.pid, options)
        if pid:
            self.gone, self.exit_code = True, os.waitstatus_to_exitcode(status)
        return bool(pid)


def start(
    module: str,
    *,
    folders: tuple[Path, ...],
    sockets: Mapping[str, socket.socket],
    revision: int,
    request: Request | None,
    forks: bool,
) -> Process:
    """Start a process of a module, as a fork of this one or, without ``forks``, from the beginning."""
    channel, own = socket.socketpair()
    channel.setblocking(False)
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        own.close()
        return Process(pid=pid, channel=channel, request=request)
    try:
        channel.close()
        if request:
            request.connection.close()
        os.environ[VARIABLE] = str(revision)
        if not forks:
            _start_again(module, folders, sockets, own)
        code = run(module, folders, dict(sockets), own)
    except BaseException:  # noqa: BLE001 - nothing of a fork may go on where its parent would
        traceback.print_exc()
        code = 1
    os._exit(code)


def _start_again(
    module: str, folders: tuple[Path, ...], sockets: Mapping[str, socket.socket], own: socket.socket
) -> None:
    numbers = {address: listening.fileno() for address, listening in sockets.items()}
    for number in (own.fileno(), *numbers.values()):
        os.set_inheritable(number, True)
    given = json.dumps({"folders": [str(folder) for folder in folders], "sockets": numbers, "channel": own.fileno()})
    os.execv(sys.executable, [sys.executable, "-m", __name__, module, given])  # noqa: S606 - the same Python


def run(module: str, folders: tuple[Path, ...], sockets: Mapping[str, socket.socket], channel: socket.socket) -> int:
    """Run a module in this process and return its exit code; tell when it listens, or why it failed."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    _forget(folders)
    logging.getLogger().handlers.clear()
    sys.dont_write_bytecode = True
    before = set(sys.modules)
    _share_sockets(sockets, channel, before, folders)
    sys.argv = [module]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        return _exit_code(end)
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is told
        traceback.print_exc()
        _say(channel, {"kind": "failed", **_described(error, folders)})
        return 1
    finally:
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def _exit_code(end: SystemExit) -> int:
    if end.code is None or isinstance(end.code, int):
        return end.code or 0
    sys.stderr.write(f"{end.code}\n")
    return 1


def _forget(folders: tuple[Path, ...]) -> None:
    """Remove what was imported of the source, which is what has changed."""
    importlib.invalidate_caches()
    for name in list(sys.modules):
        file = _file_of(name)
        if file and any(folder in Path(file).parents for folder in folders):
            del sys.modules[name]


def _share_sockets(
    sockets: Mapping[str, socket.socket], channel: socket.socket, before: set[str], folders: tuple[Path, ...]
) -> None:
    """Let whoever binds an address have the socket that an earlier process listened on there, and tell who listens."""
    bind, listen = socket.socket.bind, socket.socket.listen

    def shared_bind(self: socket.socket, address: Any) -> None:
        known = sockets.get(_address(address)) if isinstance(address, tuple) else None
        if known is None or self.type != socket.SOCK_STREAM:
            bind(self, address)
        else:
            os.dup2(known.fileno(), self.fileno(), inheritable=False)

    def telling_listen(self: socket.socket, *arguments: Any) -> None:
        listen(self, *arguments)
        if self.family in {socket.AF_INET, socket.AF_INET6}:
            new = _address(self.getsockname()) not in sockets
            modules = [name for name in list(sys.modules) if name not in before and not _is_source(name, folders)]
            _say(channel, {"kind": "listening", "modules": modules}, [self.fileno()] if new else [])

    socket.socket.bind = shared_bind  # type: ignore[assignment, method-assign]
    socket.socket.listen = telling_listen  # type: ignore[assignment]


def _is_source(name: str, folders: tuple[Path, ...]) -> bool:
    file = _file_of(name)
    return name == "__main__" or (bool(file) and any(folder in Path(file).parents for folder in folders))


def _file_of(name: str) -> str:
    # Not by getattr: a module that imports lazily would then import something.
    return str(vars(sys.modules[name]).get("__file__") or "") if sys.modules.get(name) else ""


def _address(address: Any) -> str:
    return f"{address[0]} {address[1]}"


def _say(channel: socket.socket, message: dict[str, Any], numbers: list[int] | None = None) -> None:
    text = json.dumps(message).encode() + b"\n"
    with contextlib.suppress(OSError):
        sent = socket.send_fds(channel, [text], numbers) if numbers else 0
        channel.sendall(text[sent:])


def _receive(channel: socket.socket) -> tuple[bytes, list[int]]:
    numbers = array.array("i")
    text, ancillary, _, _ = channel.recvmsg(_MOST_BYTES, socket.CMSG_LEN(8 * numbers.itemsize))
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            numbers.frombytes(data[: len(data) - len(data) % numbers.itemsize])
    return text, list(numbers)


def _described(error: BaseException, folders: tuple[Path, ...]) -> dict[str, Any]:
    """Return an error with the last place in the source that it passed through."""
    found: dict[str, Any] = {"error": f"{type(error).__name__}: {error}".splitlines()[0]}
    if isinstance(error, SyntaxError) and error.filename:
        return {"error": f"SyntaxError: {error.msg}", "file": error.filename, "line": error.lineno or 1}
    for frame in traceback.extract_tb(error.__traceback__):
        if any(folder in Path(frame.filename).parents for folder in folders):
            found |= {"file": frame.filename, "line": frame.lineno}
    return found


def main() -> int:
    """Run what `start` asked for in a new Python."""
    module, given = sys.argv[1], json.loads(sys.argv[2])
    sockets = {address: socket.socket(fileno=number) for address, number in given["sockets"].items()}
    channel = socket.socket(fileno=given["channel"])
    return run(module, tuple(map(Path, given["folders"])), sockets, channel)


if __name__ == "__main__":
    os._exit(main())
