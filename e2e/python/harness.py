"""The real binary, for tests of Python clients: a server in dev mode on a free port of loopback.

With `FIRESTORE_EMULATOR_HOST` set, the tests run against that server instead: the official emulator, say.
"""

import os
import pathlib
import subprocess
import tempfile
import uuid

from google.cloud import firestore

HERE = pathlib.Path(__file__).resolve().parent


def binary():
    """The path of the binary under test."""
    given = os.environ.get("FIREKEEP_BIN")
    if given:
        return given
    target = HERE.parent.parent / "target"
    built = [target / profile / "firekeep" for profile in ("release", "debug")]
    built = sorted((path for path in built if path.exists()), key=lambda path: -path.stat().st_mtime)
    if not built:
        raise RuntimeError("no binary: run `cargo build --bin firekeep`, or set FIREKEEP_BIN")
    return str(built[0])


class Server:
    """A server on a new folder; both are gone when it is stopped."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="firekeep-e2e-")
        command = [binary(), "serve", "--dev", "--listen", "127.0.0.1:0", "--log", "error"]
        self.process = subprocess.Popen(
            [*command, "--data", self.folder.name], stdout=subprocess.PIPE, text=True
        )
        line = self.process.stdout.readline()
        self.address = line.strip().rpartition("http://")[2]
        if not self.address:
            raise RuntimeError(f"the server did not start: {line!r}")

    def stop(self):
        self.process.terminate()
        code = self.process.wait(timeout=30)
        self.process.stdout.close()
        self.folder.cleanup()
        if code != 0:
            raise RuntimeError(f"the server ended with {code}")


_server = None


def start():
    """Starts the server, unless another one is given."""
    global _server
    if "FIRESTORE_EMULATOR_HOST" not in os.environ:
        _server = Server()
        os.environ["FIRESTORE_EMULATOR_HOST"] = _server.address


def stop():
    """Stops the server that was started."""
    global _server
    if _server is not None:
        del os.environ["FIRESTORE_EMULATOR_HOST"]
        _server.stop()
        _server = None


def client():
    """A client of a project that nobody else uses."""
    return firestore.Client(project=f"demo-{uuid.uuid4().hex[:12]}")
