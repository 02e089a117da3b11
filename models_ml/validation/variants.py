"""Variants of the protocol: what is left out of training, of the features, or of the test."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from clickward.models_ml.dataset.splits import Fold, to_datetime
from clickward.models_ml.validation.history import History, codes_of

KNOWN_LABELS, MATURED_LABELS = "known", "matured"
# A sub-publisher is known bad once it has this many subjects and this share of them is known bad.
BAD_SUBJECTS, BAD_SHARE = 3, 0.5


@dataclass(frozen=True)
class Variant:
    """What differs from the protocol as it is.

    `rule_features` are the features that encode a labelling rule and are taken away; `held_out`
    is an attack that training never sees. `train_labels` says which verdicts training takes.
    """

    train_labels: str = KNOWN_LABELS
    rule_features: tuple[str, ...] = ()
    held_out: str = ""
    drop_known_bad: bool = False

    @property
    def name(self) -> str:
        """`as_is`, or what differs, joined by `+`; the training labels stand beside it."""
        parts = ["drop_known_bad"] if self.drop_known_bad else []
        if self.rule_features:
            parts.append("without_rule_features")
        if self.held_out:
            parts.append(f"held_out:{self.held_out}")
        return "+".join(parts) or "as_is"

    @property
    def is_matured(self) -> bool:
        return self.train_labels == MATURED_LABELS

    def columns(self, names: Sequence[str]) -> tuple[str, ...]:
        """Of the features `names`, those this variant keeps."""
        return tuple(name for name in names if name not in set(self.rule_features))

    def without(self, attack: str) -> "Variant":
        """The same with `attack` held out of training."""
        return replace(self, held_out=attack)


AS_IS = Variant()


def not_to_train_on(history: History, variant: Variant) -> np.ndarray:
    """Rows `(n,)` of the held-out attack, and all rows of whoever is known to be behind it.

    The attack is the truth's where it is loaded, and the rows of its actors go too; else it is
    what any verdict calls it. Devices that sent one of its rows go in both cases.
    """
    left_out = np.zeros(len(history.frame), dtype=bool)
    if not variant.held_out:
        return left_out
    attacks = history.attacks if history.attacks is not None else history.named()
    left_out |= (attacks == variant.held_out).fill_null(False).to_numpy()
    kinds = [] if history.truth is None else [history.truth["actor_name"]]
    if history.entities is not None:
        kinds.append(history.entities["device"])
    its_rows = left_out.copy()
    for names in kinds:
        theirs = names.filter(pl.Series(its_rows)).drop_nulls().unique()
        left_out |= names.is_in(theirs.implode()).fill_null(False).to_numpy()
    return left_out


def known_bad(history: History, fold: Fold) -> np.ndarray:
    """Rows `(n,)` of sub-publishers and devices known to be bad when the test window opens.

    A device is known bad with one positive verdict; a sub-publisher with at least three subjects
    of which at least half have one. Subjects before the window opens count, however old, with
    the verdicts known then.
    """
    bad = np.zeros(len(history.frame), dtype=bool)
    if history.entities is None:
        return bad
    past = np.flatnonzero(history.frame.times < fold.test_from)
    is_known = history.labels(past, to_datetime(fold.test_from)) == 1
    for column, subjects, share in (("device", 1, 0.0), ("subpublisher", BAD_SUBJECTS, BAD_SHARE)):
        codes = codes_of(history.entities[column])
        count = int(codes.max(initial=-1)) + 1
        named = codes[past] >= 0
        total = np.bincount(codes[past][named], minlength=count)
        found = np.bincount(codes[past][named & is_known], minlength=count)
        is_bad = (found > 0) & (total >= subjects) & (found >= share * total)
        bad |= (codes >= 0) & np.append(is_bad, False)[codes]
    return bad


def attacks_to_hold_out(history: History) -> list[str]:
    """Every attack of the history, by the truth where it is loaded, else by the verdicts."""
    attacks = history.attacks if history.attacks is not None else history.named()
    return attacks.drop_nulls().unique().sort().to_list()
