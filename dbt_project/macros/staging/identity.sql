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

{# UInt64 of an id or address; NULL where there is none. #}
{% macro hashed(text) -%}
    if({{ text }} is null, null, sipHash64Keyed({{ hash_key() }}, assumeNotNull({{ text }})))
{%- endmacro %}

{#
    An advertising id in lower case; NULL for the ids that stand for "no id": zeros, as platforms give
    where tracking is limited, and the one Android id that a fault gave to many devices.
#}
{% macro clean_device_id(text) -%}
    if(
        {{ says_nothing(text) }}
        or match({{ trimmed(text) }}, '^[0-]+$')
        or {{ trimmed(text, lower=true) }} = '9774d56d682e549c',
        null,
        {{ trimmed(text, lower=true) }}
    )
{%- endmacro %}

{# Lower case, single spaces, NULL where the text says nothing. #}
{% macro clean_text(text) -%}
    if({{ says_nothing(text) }}, null, replaceRegexpAll({{ trimmed(text, lower=true) }}, '\\s+', ' '))
{%- endmacro %}

{#
    One text of two, which no other two make: `site/sub-site`, or the site alone. Where one of them
    holds a slash, both are written with `%2F` for it (and `%25` for `%`), with two slashes between.
#}
{% macro joined_key(site, sub_site) -%}
    multiIf(
        position({{ site }} || {{ sub_site }}, '/') > 0,
        {{ without_slash(site) }} || '//' || {{ without_slash(sub_site) }},
        {{ sub_site }} = '',
        nullIf({{ site }}, ''),
        {{ site }} || '/' || {{ sub_site }}
    )
{%- endmacro %}

{#
    `publisher / sub-publisher` for the eye, which no other two make: the first slash is between them,
    and a publisher that holds one is written as in `joined_key`, with two slashes after it.
#}
{% macro subpublisher_label(publisher, subpublisher) -%}
    if(
        position({{ publisher }}, '/') > 0,
        {{ without_slash(publisher) }} || ' // ' || {{ subpublisher }},
        {{ publisher }} || ' / ' || {{ subpublisher }}
    )
{%- endmacro %}

{% macro without_slash(text) -%} replaceAll(replaceAll({{ text }}, '%', '%25'), '/', '%2F') {%- endmacro %}

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
