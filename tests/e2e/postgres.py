"""A PostgreSQL server with pgvector, of the package pgserver: its programs, started here. PostgreSQL does not run as root; the
package itself then adds a user to the system and opens all folders above its own to everybody. Here the server is `nobody`'s
then, in a folder of /tmp with a copy of the programs."""
import contextlib
import importlib.util
import json
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

SETTINGS = {"listen_addresses": "", "fsync": "off", "shared_buffers": "32MB", "max_connections": "10",
            "dynamic_shared_memory_type": "mmap", "max_parallel_maintenance_workers": "0", "autovacuum": "off"}


class Postgres:
    def __init__(self, programs, folder):
        self.programs = programs
        # For psql and whatever starts it.
        self.env = {**os.environ, "PATH": f"{programs / 'bin'}:{os.environ['PATH']}", "PGHOST": str(folder), "PGUSER": "postgres",
                    "PGDATABASE": "postgres", "PGCLIENTENCODING": "UTF8"}
        self.env.pop("PGPORT", None)

    def psql(self, *args, input=None, check=True, options=""):
        """-> CompletedProcess; `options` as PGOPTIONS takes them."""
        done = subprocess.run([self.programs / "bin/psql", "-X", "-q", "-A", "-t", *map(str, args)], input=input, text=True,
                              capture_output=True, env={**self.env, "PGOPTIONS": options}, timeout=300,
                              **({"stdin": subprocess.DEVNULL} if input is None else {}))
        assert not check or done.returncode == 0, done.stderr
        return done

    def json(self, query, options=""):
        """The rows of a query, as Python has them."""
        text = self.psql("-v", "ON_ERROR_STOP=1", "-c", f"SELECT coalesce(json_agg(q), '[]') FROM ({query}) AS q",
                         options=options).stdout
        return json.loads(text)


@contextlib.contextmanager
def running_postgres():
    package = Path(importlib.util.find_spec("pgserver").origin).parent
    as_root = os.geteuid() == 0
    who = {}
    folder = Path(tempfile.mkdtemp(prefix="lode-pg-", dir="/tmp"))
    try:
        programs = package / "pginstall"
        if as_root:
            nobody = pwd.getpwnam("nobody")
            who = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
            folder.chmod(0o755)
            for part in ("pgserver/pginstall/bin", "pgserver/pginstall/lib", "pgserver/pginstall/share", "pgserver.libs"):
                if (package.parent / part).is_dir():
                    shutil.copytree(package.parent / part, folder / part)
            programs = folder / "pgserver/pginstall"
            subprocess.run(["chmod", "-R", "a+rX", folder], check=True)
            os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        data = folder / "data"
        made = subprocess.run([programs / "bin/initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C",
                               "--no-sync"], cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120, **who)
        assert made.returncode == 0, made.stderr
        options = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
        with open(folder / "log", "wb") as log:
            server = subprocess.Popen([programs / "bin/postgres", "-D", data, "-k", folder, *options], cwd=folder, stdout=log,
                                      stderr=log, stdin=subprocess.DEVNULL, **who)
        try:
            postgres = Postgres(programs, folder)
            deadline = time.monotonic() + 60
            while postgres.psql("-c", "SELECT 1", check=False).returncode != 0:
                assert server.poll() is None and time.monotonic() < deadline, (folder / "log").read_text()
                time.sleep(0.1)
            yield postgres
        finally:
            server.send_signal(signal.SIGINT)  # does not wait for who is connected
            try:
                server.wait(timeout=30)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
