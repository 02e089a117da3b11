"""Refuse a commit whose subject is longer than 72 characters: `subject.py FILE`."""

import sys
from pathlib import Path

LONGEST = 72


def subject(message: str) -> str:
    """The first line that is neither empty nor a comment, as git takes it."""
    lines = (line.strip() for line in message.splitlines() if not line.startswith("#"))
    return next((line for line in lines if line), "")


def main() -> int:
    """Exit code 1 where the message in the file has too long a subject."""
    found = subject(Path(sys.argv[1]).read_text())
    # What git writes itself may be longer.
    if len(found) <= LONGEST or found.startswith(("fixup! ", "squash! ", "Revert ", "Merge ")):
        return 0
    print(f"error: the subject has {len(found)} characters: {found}", file=sys.stderr)
    print(f"hint: say what changes in {LONGEST} at most; the body says why", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
