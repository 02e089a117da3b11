"""What a check for leaks finds."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Leak:
    """Something that knows what could not be known: which feature, why, in which folds."""

    kind: str
    feature: str
    evidence: str
    folds: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.feature} ({self.folds}): {self.evidence}"
