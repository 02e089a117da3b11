{#
    Keyed hashes: an id or IP cannot be found again without the store's key. The engine folds a
    number into an expression's name, which its errors tell, and so logs; not an array's, materialized.
#}
{% macro hash_key() -%}
    materialize((select [(key_0, key_1)] from {{ target.schema }}_raw.hash_key))[1]
{%- endmacro %}

{# UUID of a click, install or event, from the columns that make it the same one. #}
{% macro subject_id(kind, columns) -%}
    assumeNotNull(
        reinterpretAsUUID(sipHash128Keyed({{ hash_key() }}, '{{ kind }}', {{ columns | join(", ") }}))
    )
{%- endmacro %}

{# UInt64 of an id or IP; NULL where the text says nothing. #}
{% macro hashed(text) -%}
    if(
        {{ text }} is null or {{ text }} = '',
        null,
        sipHash64Keyed({{ hash_key() }}, assumeNotNull({{ text }}))
    )
{%- endmacro %}

{# An advertising id in lower case; NULL for the ids that stand for "no id". #}
{% macro clean_device_id(text) -%}
    nullIf(if(match({{ text }}, '^[0-]*$'), '', lower(trimBoth({{ text }}))), '')
{%- endmacro %}

{# Network of an address as text: /24 of IPv4, /48 of IPv6; NULL where it is no address. #}
{% macro subnet(ip) -%}
    multiIf(
        toIPv4OrNull({{ ip }}) is not null,
        IPv4NumToString(bitAnd(toUInt32(assumeNotNull(toIPv4OrDefault({{ ip }}))), 4294967040)) || '/24',
        toIPv6OrNull({{ ip }}) is not null,
        IPv6NumToString(
            toFixedString(
                substring(reinterpretAsFixedString(toIPv6OrDefault({{ ip }})), 1, 6) || repeat('\0', 10), 16
            )
        )
        || '/48',
        null
    )
{%- endmacro %}

{# Lower case, single spaces, NULL for the words that say nothing. #}
{% macro clean_text(text) -%}
    nullIf(
        if(
            lower(trimBoth({{ text }})) in ('', 'null', 'none', 'n/a', 'unknown', '-'),
            '',
            replaceRegexpAll(lower(trimBoth({{ text }})), '\\s+', ' ')
        ),
        ''
    )
{%- endmacro %}

{# Two-letter country in capitals; the United Kingdom is GB. #}
{% macro clean_country(text) -%}
    multiIf(
        upper(trimBoth({{ text }})) = 'UK',
        'GB',
        match(upper(trimBoth({{ text }})), '^[A-Z]{2}$'),
        upper(trimBoth({{ text }})),
        null
    )
{%- endmacro %}

{# Version as major.minor: `Android 13.0.2`, `13`, `13.0` become `13.0`. #}
{% macro clean_version(text) -%}
    if(
        match({{ text }}, '[0-9]'),
        extract({{ text }}, '([0-9]+)')
        || '.'
        || if(match({{ text }}, '[0-9]+\\.[0-9]+'), extract({{ text }}, '[0-9]+\\.([0-9]+)'), '0'),
        null
    )
{%- endmacro %}
