"""What the product writes is for its owner alone: reports hold ids, the store the key to them."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from clickward.warehouse.profile import Project

FOR_OTHERS = 0o077
# As on /tmp: the folder is everyone's, whatever of ours lies in it.
SHARED = stat.S_ISVTX


def keep_private(project: Project) -> None:
    """From now on this process writes for its owner, and so is what stands beside the project."""
    os.umask(FOR_OTHERS)
    for path in _written(project):
        close(path)


def close(path: Path) -> None:
    """Take a file's or folder's rights from all but its owner, where that is this user."""
    try:
        facts = path.stat()
    except FileNotFoundError:
        return
    mode = facts.st_mode & 0o7777
    if facts.st_uid == os.geteuid() and mode & FOR_OTHERS and not mode & SHARED:
        path.chmod(mode & ~FOR_OTHERS)


def _written(project: Project) -> Iterator[Path]:
    """What a run writes to, but for folders that were named by hand: other things may be there."""
    yield from (project.home, project.project_dir / "target", project.project_dir / "logs")
    yield from project.log_path.parent.glob(f"{project.log_path.name}*")
