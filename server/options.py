"""What the server tells a worker."""

import json
from dataclasses import asdict, dataclass, field


@dataclass(frozen=True)
class Options:
    """What a worker must know before it opens a store.

    `socket` is where it listens; `config` the engine's configuration file, if any; `seconds` what a
    query may take at most (0: any); `database` where handles begin and `defaults` their settings;
    `fence` the folders it may write to, or None where it is not fenced.
    """

    socket: str
    only_reads: bool = False
    seconds: int = 0
    config: str = ""
    database: str = ""
    defaults: dict[str, str] = field(default_factory=dict)
    fence: list[str] | None = None

    def encode(self) -> str:
        return json.dumps(asdict(self))
