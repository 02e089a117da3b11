{#
    Features of every subject from the events that came before it.

    A window is half-open: for a subject at t it holds the events of the same key with time in
    [t - w, t), so the subject itself, its ties, and everything later are out, whatever order
    rows were loaded in. Subjects whose key is NULL get no row.

    subjects     relation with one row per subject: `<subject_id>`, event_at, event_date, keys
    subject_id   its id column
    events       relation whose rows are counted: event_at, event_date, keys; by default the subjects
    entity       prefix of the columns
    keys         columns that make the entity
    windows      such as ['1m', '1h', '1d']
    aggregates   list of mappings: `measure` (middle of the column name), `aggregate` and
                 `of` (SQL over the events' columns), `where` (which events count),
                 `windows` (fewer than all), and what else the aggregate takes; see
                 `window_aggregate`
    columns      the events' columns that `of` and `where` read
    upstreams    further relations the events are made of, for `days_to_build`
    events_where filter on the events
#}
{% macro window_features(
    subjects,
    subject_id,
    entity,
    keys,
    windows,
    aggregates,
    events=none,
    columns=[],
    upstreams=none,
    events_where="true"
) %}
    {%- set same = events is none -%}
    {%- set events = subjects if same else events -%}
    {%- set lookback = days_reached(windows) -%}
    {%- set days = days_to_build(
        [{"from": subjects, "lookback": lookback if same else 0}]
        + ([] if same else [{"from": events, "lookback": lookback, "defines_days": 0}])
        + (upstreams or [])
    ) -%}
    {%- set key_list = keys | join(", ") -%}
    with

        {% if same -%}
            rows_in_order as (
                select
                    {{ subject_id }},
                    event_at,
                    event_date,
                    toUnixTimestamp64Milli(event_at) as at_ms,
                    {{ key_list }},
                    {%- for column in columns if column not in keys %} {{ column }},{% endfor %}
                    1 as is_subject,
                    {{ events_where }} as is_event
                from {{ subjects }}
                where {{ in_days_with_lookback(days, lookback) }} and {{ known_keys(keys) }}
            ),
        {%- else -%}
            rows_in_order as (
                select
                    {{ subject_id }},
                    event_at,
                    event_date,
                    toUnixTimestamp64Milli(event_at) as at_ms,
                    {{ key_list }},
                    {%- for column in columns if column not in keys %} null as {{ column }},
                    {% endfor %}
                    1 as is_subject,
                    0 as is_event
                from {{ subjects }}
                where {{ in_days(days) }} and {{ known_keys(keys) }}
                union all
                select
                    toUUID('00000000-0000-0000-0000-000000000000') as {{ subject_id }},
                    event_at,
                    event_date,
                    toUnixTimestamp64Milli(event_at) as at_ms,
                    {{ key_list }},
                    {%- for column in columns if column not in keys %} {{ column }},
                    {% endfor %}
                    0 as is_subject,
                    1 as is_event
                from {{ events }}
                where
                    {{ in_days_with_lookback(days, lookback) }}
                    and {{ known_keys(keys) }}
                    and {{ events_where }}
            ),
        {%- endif %}

        windowed as (
            select
                {{ subject_id }},
                event_at,
                event_date,
                is_subject
                {%- for aggregate in aggregates %}
                    {%- for window in aggregate.get("windows", windows) %}
                        ,
                        {{ window_aggregate(aggregate, window) }}
                        as {{ window_column(entity, aggregate, window) }}
                    {%- endfor %}
                {%- endfor %}
            from rows_in_order
            window
                {%- for window in windows %}
                    last_{{ window }} as (
                        partition by {{ key_list }}
                        order by at_ms range between {{ milliseconds(window) }} preceding and 1 preceding
                    ){{ ',' if not loop.last }}
                {%- endfor %}
        )

    select * except (is_subject)
    from windowed
    where is_subject = 1 and {{ in_days(days) }}
{% endmacro %}


{% macro window_column(entity, aggregate, window) -%}
    {%- set suffix = "" if aggregate.aggregate == "seconds_since_last" else "_" ~ window -%}
    {{- entity ~ "__" ~ aggregate.measure ~ suffix -}}
{%- endmacro %}


{# SQL of one aggregate over one window; NULL, never 0, where no event can answer. #}
{% macro window_aggregate(aggregate, window) -%}
    {%- set kind = aggregate.aggregate -%}
    {%- set of = aggregate.get("of") -%}
    {%- set condition = "is_event" ~ (" and (" ~ aggregate.where ~ ")" if aggregate.get("where") else "") -%}
    {%- set over = "over last_" ~ window -%}
    {%- if kind == "count" -%} countIf({{ condition }}) {{ over }}
    {%- elif kind == "count_distinct" -%} uniqExactIf({{ of }}, {{ condition }}) {{ over }}
    {%- elif kind == "sum" -%} sumOrNullIf({{ of }}, {{ condition }}) {{ over }}
    {%- elif kind in ("min", "max") -%} {{ kind }}OrNullIf({{ of }}, {{ condition }}) {{ over }}
    {%- elif kind == "mean" -%} avgOrNullIf({{ of }}, {{ condition }}) {{ over }}
    {%- elif kind == "share" -%} avgOrNullIf({{ of }}, {{ condition }} and ({{ of }}) is not null) {{ over }}
    {%- elif kind == "seconds_since_last" -%} (at_ms - maxOrNullIf(at_ms, {{ condition }}) {{ over }}) / 1000
    {%- elif kind == "is_first_seen" -%} toUInt8(countIf({{ condition }}) {{ over }} = 0)
    {%- elif kind == "smoothed_rate" -%}
        {# Shrunk toward the prior: (positives + weight * prior) / (n + weight). #}
        (
            coalesce(sumOrNullIf({{ of }}, {{ condition }}) {{ over }}, 0)
            + {{ aggregate.weight * aggregate.prior }}
        ) / (
            coalesce(sumOrNullIf({{ aggregate.over }}, {{ condition }}) {{ over }}, 0)
            + {{ aggregate.weight }}
        )
    {%- else -%}
        {{
            exceptions.raise_compiler_error(
                "aggregate '"
                ~ kind
                ~ "' of "
                ~ aggregate.measure
                ~ ": expected count, count_distinct, sum, min, max, "
                ~ "mean, share, seconds_since_last, is_first_seen or smoothed_rate"
            )
        }}
    {%- endif -%}
{%- endmacro %}


{% macro known_keys(keys) -%}
    {%- for key in keys -%} {{ key }} is not null{{ ' and ' if not loop.last }} {%- endfor -%}
{%- endmacro %}
