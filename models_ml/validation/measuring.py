"""From outcomes to evaluations: each fold, and all folds together."""

from collections.abc import Iterator
from dataclasses import replace

from clickward.models_ml.dataset.splits import to_datetime
from clickward.models_ml.estimators import family
from clickward.models_ml.evaluation.flatness import failure_of
from clickward.models_ml.evaluation.measurement import (
    OVERALL,
    UNSEEN,
    Measurement,
    evaluate,
    unmeasured,
)
from clickward.models_ml.evaluation.pooling import pool, pool_labels, pool_rows
from clickward.models_ml.validation.drift import (
    adversarial_auc,
    feature_shift,
    publisher_stability,
    score_shift,
)
from clickward.models_ml.validation.fold import FoldData, Outcome, scored_of
from clickward.models_ml.validation.history import History
from clickward.models_ml.validation.protocol import Evaluation, Protocol
from clickward.models_ml.validation.variants import Variant

# What stands under `model` where no model is measured.
NO_MODEL, ADVERSARIAL = "-", "adversarial"
TRAINING = "training"
# Measured where nearly all scores of a fold are equal, and nowhere else.
SCORES, FAILED = "scores", "failed"


def measure_shift(
    history: History, data: FoldData, told_apart: Outcome, protocol: Protocol
) -> Iterator[Evaluation]:
    """How the fold's test rows differ from its training rows, whatever the model."""
    resamples, seed = protocol.resamples, protocol.seed + data.fold.number
    shift = feature_shift(history, data, resamples, seed)
    yield _evaluation(NO_MODEL, data.variant, [data], data.fold.number, [_training(data), *shift])
    auc = adversarial_auc(history, data, told_apart, resamples, seed)
    yield _evaluation(ADVERSARIAL, data.variant, [data], data.fold.number, auc)


def measure_folds(
    history: History,
    name: str,
    variant: Variant,
    measured: list[tuple[FoldData, Outcome]],
    protocol: Protocol,
    is_calibrated: bool,
) -> Iterator[Evaluation]:
    """Each fold's evaluation of one model, then all folds together where there are several."""
    resamples, seed, top = protocol.resamples, protocol.seed, protocol.top
    together = []
    for place, (data, outcome) in enumerate(measured):
        number = data.fold.number
        scored = scored_of(data, outcome, is_calibrated)
        if scored is None:
            found = unmeasured(data.labels, data.rows, is_calibrated, top)
        else:
            together.append((data, scored))
            found = evaluate(scored, resamples, seed + number, top)
        if not variant.held_out:
            found += score_shift(history, data, outcome, resamples, seed + number)
            if place:
                pair = measured[place - 1], measured[place]
                found += publisher_stability(*pair, resamples, seed + number)
        kept, failure = _kept(found, variant), failure_in(name, outcome)
        if failure and scored is not None:
            kept.append(Measurement(SCORES, FAILED, 1.0, None, None, len(data.test)))
        yield replace(_evaluation(name, variant, [data], number, kept), failure=failure)
    if len(together) > 1:
        pooled = evaluate(pool(scored for _, scored in together), resamples, seed, top)
        yield _evaluation(
            name, variant, [data for data, _ in together], OVERALL, _kept(pooled, variant)
        )
    elif len(measured) > 1:
        labels = pool_labels([data.labels for data, _ in measured])
        rows = pool_rows([data.rows for data, _ in measured])
        pooled = unmeasured(labels, rows, is_calibrated, top)
        yield _evaluation(
            name, variant, [data for data, _ in measured], OVERALL, _kept(pooled, variant)
        )


def failure_in(name: str, outcome: Outcome) -> str | None:
    """Why a fold could not be measured, or that nearly all of its scores are equal."""
    if outcome.scores is None:
        return outcome.note
    return failure_of(family(name).kind, outcome.scores)


def _kept(found: list[Measurement], variant: Variant) -> list[Measurement]:
    """Of a held-out attack only its own recall, and the readings it stands beside."""
    if not variant.held_out:
        return found
    kept = f"{UNSEEN}:{variant.held_out}"
    return [m for m in found if m.segment == kept or m.segment == m.labels]


def _training(data: FoldData) -> Measurement:
    positives = float(data.y.sum())
    return Measurement(
        TRAINING, "positives", positives, None, None, len(data.train), data.variant.train_labels
    )


def _evaluation(
    name: str, variant: Variant, folds: list[FoldData], number: int, found: list[Measurement]
) -> Evaluation:
    opened = min(data.fold.test_from for data in folds)
    closed = max(data.fold.test_to for data in folds)
    return Evaluation(name, variant, number, to_datetime(opened), to_datetime(closed), found)
