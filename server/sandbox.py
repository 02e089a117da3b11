"""Landlock: the kernel keeps a process to a few folders and off the network.

The engine's grants do not cover the scalar function `file()`, nor what ClickHouse does on the
client's side (`INTO OUTFILE`, format schemas): inside this fence they find nothing.
https://docs.kernel.org/userspace-api/landlock.html
"""

import ctypes
import os
import struct
import sys
from collections.abc import Iterable
from pathlib import Path

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
VERSION_FLAG = 1
RULE_PATH_BENEATH = 1
NO_NEW_PRIVILEGES = 38
EXECUTE, READ_FILE, READ_DIR = 1 << 0, 1 << 2, 1 << 3
# How many of the file rights each version of the interface knows.
FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
NETWORK_RIGHTS = 0b11
NETWORK_SINCE = 4


def is_available() -> bool:
    """Whether this kernel has Landlock."""
    return _version() > 0


def confine(readable: Iterable[Path], writable: Iterable[Path]) -> None:
    """From now on this thread, and all it starts, reach these folders only, and no TCP.

    Must come before the engine starts its threads. Raises `OSError` where the kernel refuses.
    """
    version = _version()
    rights = (1 << FILE_RIGHTS[min(version, max(FILE_RIGHTS))]) - 1
    network = NETWORK_RIGHTS if version >= NETWORK_SINCE else 0
    attributes = struct.pack("=QQ", rights, network)[: 16 if network else 8]
    ruleset = _call(CREATE_RULESET, attributes, len(attributes), 0)
    for paths, granted in ((readable, EXECUTE | READ_FILE | READ_DIR), (writable, rights)):
        for path in paths:
            if path.exists():
                _allow(ruleset, path, granted if path.is_dir() else granted & ~READ_DIR)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "no_new_privs was refused")
    _call(RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)


def _allow(ruleset: int, path: Path, rights: int) -> None:
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        _call(ADD_RULE, ruleset, RULE_PATH_BENEATH, struct.pack("=Qi", rights, descriptor), 0)
    finally:
        os.close(descriptor)


def _version() -> int:
    if sys.platform != "linux":
        return 0
    return max(ctypes.CDLL(None).syscall(CREATE_RULESET, None, 0, VERSION_FLAG), 0)


def _call(number: int, *arguments: object) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    answer = libc.syscall(number, *arguments)
    if answer < 0:
        raise OSError(ctypes.get_errno(), f"landlock: {os.strerror(ctypes.get_errno())}")
    return answer
