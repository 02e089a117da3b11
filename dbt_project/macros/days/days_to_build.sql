{#
    The one incremental form: whole UTC days, found by comparing each day's inputs with
    those recorded after its last swap.

    `upstreams` is a list of mappings:
        from       relation whose days feed this model; for one that is itself built by day,
                   its days come from the build ledger
        lookback   days before a day that its rows are made of (default 0)
        lookahead  days after a day that its rows are made of (default 0), as retention is
        date, fingerprint, where
                   for a relation that keeps no build ledger: SQL of a row's day, SQL of a
                   number that changes when the row does, and an optional filter
        frozen     SQL of the days that must stay as they are (optional)
        defines_days  whether a day of this upstream makes a day of this model (default: only
                   the first one does)

    With `every_shift_defines` a day also stands for itself where only its lookback has rows.

    Returns the days as SQL date literals, for `event_date in (...)`. The plan of the run is
    written down, in chunks, and the materialization `by_day` makes it the record after each
    swap: what a load adds in between is found by the next build. While it builds a chunk, the
    chunk's days are returned. `in_parts` says that the model fills a chunk in parts.

    The variables `build_from` and `build_to` (excluded) leave other days as they are.
#}
{% macro days_to_build(upstreams, every_shift_defines=false, in_parts=false) %}
    {%- if not execute or flags.WHICH not in ("run", "build") -%} {{ return([]) }} {%- endif -%}
    {% set chunk_days = days_of_chunk() %}
    {% if chunk_days is not none %} {{ return(chunk_days) }} {% endif %}
    {% set model_name = this.name %}
    {% if should_full_refresh() and (var("build_from", none) or var("build_to", none)) %}
        {{
            exceptions.raise_compiler_error(
                "a full refresh builds every day: leave out the bounds of days"
            )
        }}
    {% endif %}
    {% set starts_anew = load_cached_relation(this) is none or is_built_anew() %}
    {% set plan_sql %}
        with
        wanted as (
            select
                day,
                sum(fingerprint) as inputs,
                sumIf(row_count, shift = 0) as own_rows,
                sum(row_count) as reached_rows
            from (
                {% for upstream in upstreams %}
                {{ 'union all' if not loop.first }}
                select
                    day + shift as day,
                    shift,
                    row_count,
                    cityHash64('{{ upstream.from.identifier }}', shift, fingerprint) as fingerprint,
                    {{ 'true' if every_shift_defines else 'shift = 0' }} and {{ 1 if upstream.get('defines_days', loop.first) else 0 }} as defines
                from ({{ upstream_days_sql(upstream) }}) as days
                array join
                    range(
                        -{{ upstream.get('lookahead', 0) }}, {{ upstream.get('lookback', 0) + 1 }}
                    ) as shift
                {% endfor %}
            )
            group by day
            having max(defines)
        ),
        recorded as ({{ recorded_days_sql(model_name) }}),
        present as (
            select toDateOrDefault(partition) as day, sum(rows) as rows
            from system.parts
            where active and database = '{{ this.schema }}' and table = '{{ this.identifier }}'
            group by day
        ),
        compared as (
            select
                day,
                max(wanted) as day_wanted,
                max(wanted_inputs) as day_inputs,
                max(recorded_inputs) as day_recorded_inputs,
                max(recorded_rows) as day_recorded_rows,
                max(present_rows) as day_present_rows,
                max(own_rows) as day_own_rows,
                max(reached_rows) as day_reached_rows
            from (
                select day, 1 as wanted, inputs as wanted_inputs, 0 as recorded_inputs, -1 as recorded_rows, 0 as present_rows, own_rows, reached_rows from wanted
                union all
                select day, 0, 0, inputs, toInt64(rows), 0, 0, 0 from recorded
                union all
                select day, 0, 0, 0, -1, rows, 0, 0 from present
            )
            group by day
        )
        select toString(day), day_inputs, day_wanted, day in (
            {% for upstream in upstreams if upstream.get('frozen') %}
            {{ 'union all' if not loop.first }} {{ upstream.frozen }}
            {% else %} select toDate(0) where false {% endfor %}
        ) as is_frozen, day_own_rows, day_reached_rows
        from compared
        where
            {{ within_bounds("day") }}
            and if(
                day_wanted,
                {{ 1 if starts_anew else 0 }}
                or day_recorded_rows != day_present_rows
                or day_inputs != day_recorded_inputs,
                day_recorded_rows >= 0 or day_present_rows > 0
            )
        order by day
    {% endset %}
    {% set plan = run_query(plan_sql).rows %}
    {% set keys = target.schema ~ "_raw.build_plan" %}
    {% if model_name in found_at_start().plans %} {% do drop_plan(model_name) %} {% endif %}
    {% set days = [] %}
    {% for row in plan if row[3] %}
        {% if starts_anew %}
            {{
                exceptions.raise_compiler_error(
                    model_name
                    ~ " cannot be built anew: raw rows of "
                    ~ row[0]
                    ~ " have expired, and what was made of them would be lost. Build without --full-refresh."
                )
            }}
        {% endif %}
        {% do log(
            model_name ~ ": " ~ row[0] ~ " stays as it is, for raw rows of it have expired",
            info=true,
        ) %}
    {% endfor %}
    {% set planned = plan | rejectattr(3) | list %}
    {% set entries = chunk_entries(planned, in_parts) %}
    {% for row in planned if row[2] %} {% do days.append("toDate('" ~ row[0] ~ "')") %} {% endfor %}
    {% if entries %}
        {% do run_query(
            "insert into "
            ~ keys
            ~ " (model, day, inputs, is_wanted, chunk, parts, rows) values "
            ~ entries
            | join(", ")
        ) %}
        {% do found_at_start().plans.append(model_name) %}
    {% endif %}
    {{ return(days) }}
{% endmacro %}


{# One row per day of an upstream: day, fingerprint. #}
{% macro upstream_days_sql(upstream) -%}
    {%- if upstream.get("fingerprint") -%}
        select
            {{ upstream.date }} as day,
            sum(cityHash64({{ upstream.fingerprint }})) as fingerprint,
            {{ upstream.get("rows", "count()") }} as row_count
        from {{ upstream.from }}
        {% if upstream.get("where") %} where {{ upstream.where }}{% endif %}
        group by day
    {%- else -%}
        select day, content as fingerprint, rows as row_count
        from ({{ recorded_days_sql(upstream.from.identifier) }})
        where rows > 0
    {%- endif -%}
{%- endmacro %}


{# Whether a day is within `build_from` and `build_to`; rows that belong to no day always are. #}
{% macro within_bounds(day) -%}
    (
        {{ day }} = toDate(0)
        or (
            {{ day }}
            >= {{ "toDate('" ~ var("build_from") ~ "')" if var("build_from", none) else "toDate(0)" }}
            and {{ day }}
            < {{ "toDate('" ~ var("build_to") ~ "')" if var("build_to", none) else "toDate('2149-06-06')" }}
        )
    )
{%- endmacro %}
