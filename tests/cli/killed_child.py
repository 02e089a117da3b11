"""`clickward WORDS`, killed by itself before the Nth file is put in place or removed."""

import os
import signal
import sys

from clickward.cli.main import main

left = int(sys.argv.pop(1))


def count(event: str, arguments: tuple[object, ...]) -> None:
    global left
    if event in ("os.rename", "os.remove"):
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


sys.addaudithook(count)
main()
