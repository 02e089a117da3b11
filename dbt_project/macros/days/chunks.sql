{#
    Cut planned days into chunks, in order of time. A chunk takes whole days of together at most
    `chunk_rows` rows of the model's inputs (one day may hold more), and is filled in as many
    parts as its rows, and those of its lookback, need to stay below `part_rows`. A model that
    cannot be built in parts gets one.

    `plan` has rows of day, inputs, is_wanted, is_frozen, own rows, rows with the lookback.
    Returns SQL tuples of model, day, inputs, is_wanted, chunk, parts, rows.
#}
{% macro chunk_entries(plan, in_parts) %}
    {% set chunk_rows, part_rows = var("chunk_rows") | int, var("part_rows") | int %}
    {% set chunks = [] %}
    {% for row in plan %}
        {% set own, reached = row[4] | int, row[5] | int - row[4] | int %}
        {% if not chunks or (chunks[-1].rows and chunks[-1].rows + own > chunk_rows and row[2]) %}
            {% do chunks.append(
                {"number": chunks | length, "rows": 0, "reached": 0, "day": none, "entries": []}
            ) %}
        {% endif %}
        {% set last = chunks[-1] %}
        {% do last.entries.append(row) %}
        {% if row[2] %}
            {#- The lookback of a day that follows another is in the chunk already. #}
            {% set day = modules.datetime.date.fromisoformat(row[0]) %}
            {% set follows = last.day and (day - last.day).days == 1 %}
            {% do last.update({"day": day, "rows": last.rows + own}) %}
            {% if not follows %} {% do last.update({"reached": last.reached + reached}) %} {% endif %}
        {% endif %}
    {% endfor %}
    {% set entries = [] %}
    {% for chunk in chunks %}
        {% set rows = (chunk.rows + chunk.reached) * (1 if in_parts else 0) %}
        {% set parts = ((rows + part_rows - 1) / part_rows) | int %}
        {% for row in chunk.entries %}
            {% do entries.append(
                "('"
                ~ this.name
                ~ "', '"
                ~ row[0]
                ~ "', "
                ~ row[1]
                ~ ", "
                ~ row[2]
                ~ ", "
                ~ chunk.number
                ~ ", "
                ~ [parts, 1]
                | max ~ ", " ~ row[4] ~ ")"
            ) %}
        {% endfor %}
    {% endfor %}
    {{ return(entries) }}
{% endmacro %}


{# The plan of the run as chunks: days, those unwanted, parts, rows of the inputs. #}
{% macro planned_chunks() %}
    {% set plan_sql %}
        select chunk, toString(day), is_wanted, parts, rows, inputs
        from {{ target.schema }}_raw.build_plan where model = '{{ this.name }}' order by chunk, day
    {% endset %}
    {% set chunks = [] %}
    {% for row in run_query(plan_sql).rows %}
        {% if not chunks or chunks[-1].number != row[0] %}
            {% do chunks.append(
                {
                    "number": row[0],
                    "days": [],
                    "rows_of_days": {},
                    "unwanted": [],
                    "inputs": [],
                    "parts": row[3] | int,
                    "rows": 0,
                }
            ) %}
        {% endif %}
        {% do (chunks[-1].days if row[2] else chunks[-1].unwanted).append(row[1]) %}
        {% if row[2] %} {% do chunks[-1].rows_of_days.update({row[1]: row[4] | int}) %} {% endif %}
        {% do chunks[-1].update({"rows": chunks[-1].rows + row[4] | int}) %}
        {% do chunks[-1].inputs.append(row[5]) %}
    {% endfor %}
    {{ return(chunks) }}
{% endmacro %}


{# A plan is gone once it is done, or before another one is made. #}
{% macro drop_plan(model_name) %}
    {% do run_query("alter table " ~ target.schema ~ "_raw.build_plan drop partition '" ~ model_name ~ "'") %}
{% endmacro %}


{# Days of the chunk being built, as date literals; none where no chunk is. #}
{% macro days_of_chunk() %}
    {% if model is defined and model.get("chunk") %}
        {% set days = [] %}
        {% for day in model.chunk.days %} {% do days.append("toDate('" ~ day ~ "')") %} {% endfor %}
        {{ return(days) }}
    {% endif %}
    {{ return(none) }}
{% endmacro %}
