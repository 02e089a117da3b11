"""Which subjects a model learns from, and which labels are known by then."""

from datetime import datetime, timedelta

from clickward.models_ml.dataset.reading import Span, resolve_span
from clickward.warehouse.connection import Warehouse
from clickward.warehouse.contracts import FeatureSet
from clickward.warehouse.durations import format_duration, format_instant
from clickward.warehouse.errors import UserError


def training_window(
    warehouse: Warehouse,
    feature_set: FeatureSet,
    from_at: datetime | None,
    to_at: datetime | None,
    as_of: datetime | None,
    delay: timedelta,
) -> tuple[Span, datetime | None, str]:
    """The training window, the label cut-off, and a sentence that says both.

    The moment of training is `as_of`; without it, `to_at + delay`; with neither, now, which
    takes every verdict in the store. Subjects younger than `delay` at that moment are left out,
    and so are strays at an end that is not asked for.
    """
    if as_of is not None:
        latest = as_of - delay
        end = latest if to_at is None else min(to_at, latest)
        span = resolve_span(warehouse, feature_set, from_at, end, strays=False)
        return span, as_of, _in_words(as_of, "--as-of", end)
    if to_at is not None:
        span = resolve_span(warehouse, feature_set, from_at, to_at, strays=False)
        return span, to_at + delay, _in_words(to_at + delay, "the end of training + --delay", to_at)
    span = resolve_span(warehouse, feature_set, from_at, None, strays=False)
    end = span.to_at - delay
    if end <= span.from_at:
        raise UserError(
            f"a --delay of {format_duration(delay)} leaves nothing of {span}", "shorten --delay"
        )
    why = f"as known now (every verdict loaded); subjects before {format_instant(end)}"
    return Span(span.from_at, end), None, why


def _in_words(as_of: datetime, source: str, end: datetime) -> str:
    return f"as known at {format_instant(as_of)} ({source}); subjects before {format_instant(end)}"
