"""Every Parquet type as text, as the CSV export spells it (docs/reference/loading.md)."""

import json
import uuid
from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as compute
from pyarrow import parquet, types

from clickward.warehouse.errors import UserError

# Milliseconds from 0001-01-01 to 9999-12-31: what a calendar of four digits tells.
FIRST, LAST = -62_135_596_800_000, 253_402_300_799_999
PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def refuse_types(file: str, schema: pa.Schema, names: list[str]) -> None:
    """Raise `UserError` for a column whose type has no text."""
    for name in names:
        if not _has_text(schema.field(name).type):
            raise UserError(
                f"{file}: the column {name} is of type {schema.field(name).type},"
                " which has no text here",
                "write it as text, a number or a timestamp",
            )


def refuse_intervals(file: str, schema: parquet.ParquetSchema, names: list[str]) -> None:
    """Raise `UserError` for an interval, which Arrow reads as twelve bytes that say nothing."""
    for place in range(len(schema)):
        column = schema.column(place)
        if column.converted_type == "INTERVAL" and column.path.split(".")[0] in names:
            raise UserError(
                f"{file}: the column {column.path} is of type interval, which has no text here",
                "write it as text, a number or a timestamp",
            )


def _has_text(kind: pa.DataType) -> bool:
    if isinstance(kind, pa.BaseExtensionType):
        return isinstance(kind, pa.UuidType) or _has_text(kind.storage_type)
    if types.is_dictionary(kind):
        return _has_text(kind.value_type)
    if types.is_nested(kind):
        return all(_has_text(kind.field(place).type) for place in range(kind.num_fields))
    return not (types.is_duration(kind) or types.is_interval(kind) or types.is_union(kind))


def as_text(values: pa.Array, timezone: str) -> pa.Array:
    """Values as the CSV export spells them; nulls, and floats that are no number, as empty text.

    Instants are told on the clock of `timezone`, to the millisecond where they have a fraction.
    """
    if types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if isinstance(values, pa.ExtensionArray):
        if isinstance(values.type, pa.UuidType):
            return _each(values, lambda value: str(value))
        values = values.storage
    kind = values.type
    if types.is_nested(kind):
        texts = _each(values, lambda value: json.dumps(_plain(value), ensure_ascii=False))
    elif types.is_timestamp(kind):
        texts = _times(values, timezone)
    elif _is_bytes(kind):
        texts = _texts(values)
    elif types.is_floating(kind):
        texts = _floats(values)
    elif types.is_decimal(kind):
        texts = _decimals(values)
    else:
        texts = compute.cast(values, pa.string())
    return compute.fill_null(texts, "") if texts.null_count else texts


def _is_bytes(kind: pa.DataType) -> bool:
    return (
        types.is_string(kind)
        or types.is_large_string(kind)
        or types.is_string_view(kind)
        or types.is_binary(kind)
        or types.is_large_binary(kind)
        or types.is_binary_view(kind)
        or types.is_fixed_size_binary(kind)
    )


def _each(values: pa.Array, text: Callable[[Any], str]) -> pa.Array:
    """`text` of one value after the other, so that Python never holds many of them."""
    made = (value.as_py(**_maps(value)) for value in values)
    return pa.array(["" if value is None else text(value) for value in made], pa.string())


def _maps(value: pa.Scalar) -> dict[str, Any]:
    return {"maps_as_pydicts": "strict"} if types.is_nested(value.type) else {}


def _texts(values: pa.Array) -> pa.Array:
    """Text as it is where it is UTF-8: Parquet does not enforce what it declares."""
    if types.is_fixed_size_binary(values.type):
        values = values.cast(pa.binary())
    texts = values.cast(pa.large_binary()).cast(pa.large_string(), safe=False)
    try:
        texts.validate(full=True)
    except pa.ArrowInvalid:
        raw = values.cast(pa.large_binary()).to_pylist()
        decoded = [None if v is None else v.decode("utf-8", "clickward-mark") for v in raw]
        return pa.array(decoded, pa.string())
    return texts.cast(pa.string())


def _floats(values: pa.Array) -> pa.Array:
    """Numbers without an exponent: whole ones as all their digits, exactly."""
    if types.is_float16(values.type):
        values = values.cast(pa.float32())
    texts = compute.cast(values, pa.string())
    numbers = values.fill_null(0).to_numpy(zero_copy_only=False)
    with np.errstate(invalid="ignore"):
        is_whole = np.isfinite(numbers) & (numbers == np.trunc(numbers))
        is_short = is_whole & (np.abs(numbers) < 2**62)
    whole = pa.array(np.where(is_short, numbers, 0).astype(np.int64)).cast(pa.string())
    texts = compute.if_else(pa.array(is_short), whole, texts)
    others = np.flatnonzero(~is_short & values.is_valid().to_numpy(zero_copy_only=False))
    odd = [i for i in others.tolist() if is_whole[i] or _needs_digits(texts[i].as_py())]
    if odd:
        replaced = np.zeros(len(values), dtype=bool)
        replaced[odd] = True
        digits = pa.array([_digits(numbers[i], texts[i].as_py()) for i in odd], pa.string())
        texts = compute.replace_with_mask(texts, pa.array(replaced), digits)
    return compute.if_else(values.is_valid(), texts, pa.scalar(None, pa.string()))


def _needs_digits(text: str) -> bool:
    return "e" in text or text == "nan"


def _digits(number: Any, text: str) -> str:
    if np.isnan(number):
        return ""
    if np.isinf(number):
        return text
    return str(int(number)) if number == np.trunc(number) else format(Decimal(text), "f")


def _decimals(values: pa.Array) -> pa.Array:
    """Digits without an exponent and without zeros that end a fraction."""
    texts = compute.cast(values, pa.string())
    if compute.any(compute.match_substring(texts, "E")).as_py():
        return _each(values, _decimal)
    shorter = compute.replace_substring_regex(texts, r"(\.\d*?)0+$", r"\1")
    return compute.replace_substring_regex(shorter, r"\.$", "")


def _decimal(value: Decimal) -> str:
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _times(values: pa.Array, timezone: str) -> pa.Array:
    """Times of the calendar; one before year 1 or after 9999 as a number, which is no time."""
    ticks = values.cast(pa.int64())
    unit = PER_SECOND[values.type.unit]
    first, last = (FIRST * unit // 1000, LAST * unit // 1000) if unit < 10**9 else (-(2**63), 2**63)
    is_day = compute.and_(
        compute.greater_equal(ticks, max(first + 86_400 * unit, -(2**63) + 1)),
        compute.less_equal(ticks, min(last - 86_400 * unit, 2**63 - 1)),
    )
    safe = compute.if_else(is_day, ticks, pa.scalar(0, pa.int64())).cast(values.type)
    if safe.type.tz is not None:
        safe = compute.local_timestamp(safe.cast(pa.timestamp(safe.type.unit, timezone)))
    safe = safe.cast(pa.timestamp("ms"), safe=False)
    texts = compute.replace_substring_regex(
        compute.strftime(safe, "%Y-%m-%d %H:%M:%S"), r"\.000$", ""
    )
    return compute.if_else(is_day, texts, ticks.cast(pa.string()))


def _plain(value: Any) -> Any:
    """A nested value as JSON knows it, its numbers without an exponent where they are whole."""
    if isinstance(value, dict):
        return {_key(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    if isinstance(value, float):
        return int(value) if value.is_integer() else None if np.isnan(value) else value
    if isinstance(value, bytes):
        return value.decode("utf-8", "clickward-mark")
    if isinstance(value, Decimal):
        return _decimal(value)
    if isinstance(value, datetime):
        return value.isoformat(" ")
    if isinstance(value, (date, time, uuid.UUID)):
        return str(value)
    return value


def _key(value: Any) -> str:
    text = _plain(value)
    return text if isinstance(text, str) else json.dumps(text)
