"""Who gets in: names, roles, and salted hashes of passwords, in one file beside the store."""

import hashlib
import hmac
import json
import os
import re
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from clickward.server.roles import Role
from clickward.warehouse.errors import UsageError, UserError

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@-]{0,63}")
SHORTEST_PASSWORD = 8
# RFC 7914's parameters for interactive use: about 16 MB and 50 ms for each guess.
SCRYPT = {"n": 1 << 14, "r": 8, "p": 1, "dklen": 32}


@dataclass(frozen=True)
class User:
    """A name, what it may do, and the salt and hash of its password in hexadecimal."""

    name: str
    role: Role
    salt: str
    digest: str

    def accepts(self, password: str) -> bool:
        return hmac.compare_digest(_hash(password, self.salt), self.digest)


# Compared with where a name is unknown, so that the time taken does not tell.
NOBODY = User("", Role.READER, "00" * 16, "00" * 32)


class Users:
    """The users of one project. Changes to the file are seen at once by a running door."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen = (0, 0)
        self._users: dict[str, User] = {}
        self._known: set[bytes] = set()
        self._secret = secrets.token_bytes(32)

    def all(self) -> list[User]:
        """Every user by name. Raises `UserError` where the file is damaged."""
        return [user for _, user in sorted(self._load().items())]

    def add(self, name: str, role: Role, password: str) -> bool:
        """Add a user, or give it a new role and password; returns whether it is new."""
        if not NAME.fullmatch(name):
            raise UsageError(
                f"{name!r} cannot be a user's name", "use letters, digits, and _ . @ - within it"
            )
        if len(password) < SHORTEST_PASSWORD:
            raise UsageError(
                f"the password has {len(password)} characters",
                f"choose one of at least {SHORTEST_PASSWORD}",
            )
        users = dict(self._load())
        salt = secrets.token_hex(16)
        is_new = name not in users
        users[name] = User(name, role, salt, _hash(password, salt))
        self._save(users)
        return is_new

    def remove(self, name: str) -> None:
        """Forget a user. Raises `UserError` where there is none of that name."""
        users = dict(self._load())
        if name not in users:
            raise UserError(f"there is no user {name!r}", "see `clickward users list`")
        del users[name]
        self._save(users)

    def find(self, name: str, password: str) -> User | None:
        """The user whose name and password these are."""
        user = self._load().get(name)
        if user is None:
            NOBODY.accepts(password)
            return None
        # Hashing is slow on purpose: once for each password, not for each request.
        proof = hmac.digest(self._secret, f"{user.digest}\0{password}".encode(), "sha256")
        if proof in self._known:
            return user
        if not user.accepts(password):
            return None
        self._known.add(proof)
        return user

    def _load(self) -> dict[str, User]:
        if not self.path.is_file():
            self._users, self._seen = {}, (0, 0)
            return self._users
        state = self.path.stat()
        if (state.st_mtime_ns, state.st_ino) != self._seen:
            try:
                rows = json.loads(self.path.read_text())
                users = [User(**row | {"role": Role(row["role"])}) for row in rows]
            except (ValueError, KeyError, TypeError) as error:
                raise UserError(
                    f"{self.path} is damaged: {error}", "mend it, or remove it and add users anew"
                ) from error
            self._users = {user.name: user for user in users}
            self._seen = (state.st_mtime_ns, state.st_ino)
            self._known.clear()
        return self._users

    def _save(self, users: dict[str, User]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        new = self.path.with_name(f"{self.path.name}.{os.getpid()}")
        new.touch(mode=0o600)
        new.write_text(json.dumps([asdict(user) for user in users.values()], indent=1) + "\n")
        new.replace(self.path)


def _hash(password: str, salt: str) -> str:
    return hashlib.scrypt(password.encode(), salt=bytes.fromhex(salt), **SCRYPT).hex()
