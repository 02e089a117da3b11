{#
    Features of every subject from the events that came before it.

    A window is half-open: for a subject at t it holds the events of the same key with time in
    [t - w, t), so the subject itself, its ties, and everything later are out, whatever order
    rows were loaded in. Subjects whose key is NULL get no row.

    subjects     name of the model with one row per subject: `<subject_id>`, event_at, event_date, keys
    subject_id   its id column
    events       name of the model whose rows are counted: event_at, event_date, keys; by default the
                 subjects
    entity       prefix of the columns
    keys         columns that make the entity
    windows      such as ['1m', '1h', '30d']
    aggregates   list of mappings: `measure` (middle of the column name), `aggregate` and
                 `of` (SQL over the events' columns), `where` (which events count),
                 `windows` (fewer than all), `method`, and what else the aggregate takes; or `measure`
                 and `ratio`, two columns of the call: see docs/reference/windows.md
    columns      the events' columns that `of` and `where` read
    upstreams    further relations the events are made of, for `days_to_build`
    events_where filter on the events
    finer        entities whose keys are these keys and further columns, computed on the way: mappings
                 of `entity`, `keys` (the further columns), `aggregates` that are sums
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
    events_where="true",
    finer=[]
) %}
    {%- do state_features(subjects, subject_id, events, entity, keys, windows, aggregates, finer) -%}
    {%- set subjects, events = relation_of(subjects), relation_of(events) -%}
    {%- set lookback = days_reached(windows) -%}
    {%- set days = days_to_build(
        [{"from": subjects, "lookback": lookback if events is none else 0}]
        + ([] if events is none else [{"from": events, "lookback": lookback, "defines_days": 0}])
        + (upstreams or []),
        in_parts=true,
    ) -%}
    {%- set finer_keys = finer | map(attribute="keys") | sum(start=[]) -%}
    {%- set rows -%}
        {{
            window_rows(
                subjects,
                subject_id,
                keys,
                (columns + finer_keys) | unique | list,
                events,
                days,
                lookback,
                events_where,
                finer_keys,
            )
        }}
    {%- endset -%}
    {%- set all_count = events is none and events_where == "true" -%}
    {{ window_query(rows, subject_id, entity, keys, windows, aggregates, columns, finer, all_count) }}
{% endmacro %}


{#
    The same over any SQL `rows` in the form of `window_rows`: one row per subject with its id,
    event_at, event_date and the features. `all_count` says that every row is an event.
#}
{% macro window_query(
    rows, subject_id, entity, keys, windows, aggregates, columns=[], finer=[], all_count=false
) %}
    {%- set plan = window_plan(entity, windows, aggregates, finer, all_count) -%}
    {%- set mark_types = mark_columns(plan) -%}
    {%- set last = namespace(step="inputs") -%}
    with

        rows_in_order as ({{ rows_of_part(rows) }}),

        {#- What sorts carry is made narrow here: one number for the key, no texts unless asked for. #}
        inputs as (
            select
                {{ subject_id }},
                at_ms,
                is_subject,
                {{ key_hash(keys) }} as window_key
                {%- if plan.places %}, {{ (["is_event"] + columns) | unique | join(", ") }} {%- endif %}
                {%- for sql, name in plan.inputs.items() %}, {{ sql }} as {{ name }} {%- endfor %}
                {%- for column, type in mark_types.items() %}, {{ type }} (0) as {{ column }} {%- endfor %}
            from rows_in_order
        ),

        {%- for value, wanted in plan["values"].items() %}
            runs_of_{{ value }} as ({{ value_runs(last.step, value, wanted, mark_types, windows) }}),
            {% set last.step = "runs_of_" ~ value %}
        {%- endfor %}

        windowed as (
            select
                {{ subject_id }},
                at_ms,
                is_subject
                {%- if plan.places %}
                    ,
                    window_key,
                    {{ (["is_event"] + plan.event_fields + columns) | unique | join(", ") }}
                    {%- for place in plan.places %}, {{ place }} as place_{{ loop.index }} {%- endfor %}
                {%- endif %}
                {%- for column in plan.columns if column.sql %}
                    , {{ column.sql }} as {{ column.name }}
                {%- endfor %}
                {%- for column in plan.finer_columns %}
                    , if({{ column.known }}, {{ column.name }}, null) as {{ column.name }}
                {%- endfor %}
            from {{ last.step }}
            window {{ window_frames(["window_key"], windows) }}
        ),

        {%- if plan.places %}
            sequences as ({{ window_sequences("windowed", plan, subject_id, ["window_key"], columns) }}),
            answers as ({{ sequence_columns("sequences", plan, subject_id) }})
        {%- else %} answers as (select * from windowed where is_subject)
        {%- endif %}

    select
        {{ subject_id }},
        fromUnixTimestamp64Milli(at_ms, 'UTC') as event_at,
        toDate(event_at) as event_date
        {%- for column in plan.columns + plan.finer_columns %}, {{ column.name }} {%- endfor %}
        {%- for column in plan.ratios %}, {{ column.sql }} as {{ column.name }} {%- endfor %}
    from answers
{% endmacro %}
