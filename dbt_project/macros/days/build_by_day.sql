{#
    How every model built by day is written: the days that `days_to_build` planned, in chunks
    that bound memory. Each chunk goes into a table of its own, which may be filled in parts, kept
    one by one; then its days are swapped in and recorded, so that a run that is killed has lost
    one part.
    A full refresh fills a new table, chunk by chunk, and swaps it once, for its columns may
    differ.

    The model is rendered again for every chunk: `days_to_build` then returns the chunk's days.
#}
{% materialization by_day, adapter = "clickhouse" %}
    {%- set existing = load_cached_relation(this) -%}
    {%- set target_relation = this.incorporate(type="table") -%}
    {%- set is_anew = existing is not none and is_built_anew() -%}
    {%- set fresh = make_intermediate_relation(target_relation) -%}
    {%- set new_data = target_relation.incorporate(
        path={"identifier": this.identifier ~ "__dbt_new_data_" ~ invocation_id.replace("-", "_")}
    ) -%}
    {%- set has_contract = config.get("contract").enforced -%}
    {% do drop_relation_if_exists(load_cached_relation(fresh)) %}
    {{ run_hooks(pre_hooks) }}

    {% if existing is none %}
        {% do clickhouse__create_empty_table(False, target_relation, sql, has_contract) %}
    {% elif is_anew %} {% do clickhouse__create_empty_table(False, fresh, sql, has_contract) %}
    {% elif config.get("on_schema_change") == "fail" %}
        {% do adapter.check_incremental_schema_changes("fail", existing, sql) %}
    {% endif %}

    {% set chunks = planned_chunks() %}
    {% if chunks %} {% do set_files_of_table(fresh if is_anew else target_relation, lasting()) %} {% endif %}
    {% set counted = namespace(days=0, rows=0) %}
    {% for chunk in chunks %}
        {% set into = fresh if is_anew else new_data %}
        {% if not is_anew and chunk.days %}
            {% do clickhouse__create_empty_table(False, new_data, sql, has_contract) %}
            {% do set_files_of_table(new_data, unmerged()) %}
        {% endif %}
        {% for part in range(chunk.parts if chunk.days else 0) %}
            {% do model.update({"chunk": chunk, "part": part, "read_first": {}}) %}
            {% set part_sql = render(model.raw_code) %}
            {% if is_anew or chunk.parts == 1 %} {% do insert_part(into, part_sql, has_contract) %}
            {% else %}
                {% do keep_part(new_data, part_sql, has_contract, chunk) %}
                {% do report_days(chunks, counted.days + chunk.days | length * (part + 1) // chunk.parts) %}
            {% endif %}
        {% endfor %}
        {% if not is_anew %}
            {% set contents = contents_of_days(new_data) if chunk.days else [] %}
            {% do swap_days(chunk, new_data) %}
            {% do record_days(chunk, contents) %}
            {% do adapter.drop_relation(new_data) %}
            {% set counted.days = counted.days + chunk.days | length %}
            {% do report_days(chunks, counted.days) %}
        {% endif %}
        {% do drop_parts() %}
    {% endfor %}
    {#- A run that was ended after its last swap left its parts. #}
    {% if not chunks and this ~ "" in found_at_start().parts %} {% do drop_parts() %} {% endif %}
    {% if is_anew %} {% do swap_table(fresh, target_relation, chunks) %} {% endif %}
    {% if chunks %} {% do drop_plan(this.name) %} {% endif %}
    {% if load_result("main") is none %}
        {% call noop_statement("main", "up to date") %} {% endcall %}
    {% endif %}

    {% do apply_grants(
        target_relation, config.get("grants"), should_revoke=should_revoke(existing, is_anew)
    ) %}
    {% do persist_docs(target_relation, model) %}
    {{ run_hooks(post_hooks) }}
    {% do adapter.commit() %}
    {{ return({"relations": [target_relation]}) }}
{% endmaterialization %}


{# Replace the chunk's days by those of `new_data`; drop those that are empty now. #}
{% macro swap_days(chunk, new_data) %}
    {% set filled = [] %}
    {% if chunk.days %}
        {% set partitions %}
            select distinct partition from system.parts
            where active and rows > 0
                and database = '{{ new_data.schema }}' and table = '{{ new_data.identifier }}'
        {% endset %}
        {% for row in run_query(partitions).rows %} {% do filled.append(row[0]) %} {% endfor %}
    {% endif %}
    {% set replacements = [] %}
    {% for day in filled %}
        {% do replacements.append("replace partition '" ~ day ~ "' from " ~ new_data) %}
    {% endfor %}
    {% if replacements %}
        {% do run_query("alter table " ~ this ~ " " ~ replacements | join(", ")) %}
    {% endif %}
    {% for day in chunk.days + chunk.unwanted if day not in filled %}
        {% do run_query("alter table " ~ this ~ " drop partition '" ~ day ~ "'") %}
    {% endfor %}
{% endmacro %}


{#
    Swap the whole table. Its days are struck from the ledger first: a run that is killed before
    they are recorded again leaves them to the next one.
#}
{% macro swap_table(fresh, target_relation, chunks) %}
    {% set contents = contents_of_days(fresh) %}
    {% do forget_days() %}
    {% set old = make_backup_relation(target_relation, "table") %}
    {% do drop_relation_if_exists(load_cached_relation(old)) %}
    {% if load_cached_relation(this).can_exchange %}
        {% do exchange_tables_atomic(fresh, target_relation) %} {% do adapter.drop_relation(fresh) %}
    {% else %}
        {% do adapter.rename_relation(target_relation, old) %}
        {% do adapter.rename_relation(fresh, target_relation) %}
        {% do adapter.drop_relation(old) %}
    {% endif %}
    {% do create_indexes(target_relation) %}
    {% for chunk in chunks %} {% do record_days(chunk, contents) %} {% endfor %}
    {% do report_days(chunks, chunks | map(attribute="days") | map("length") | sum) %}
{% endmacro %}


{# What the command line's progress hears: days done of days to do. #}
{% macro report_days(chunks, done) %}
    {% set days = chunks | map(attribute="days") | map("length") | sum %}
    {% do log(
        "days built: "
        ~ tojson(
            {
                "model": this.name,
                "done": done,
                "of": days,
                "rows": chunks | map(attribute="rows") | sum,
            }
        ),
        info=false,
    ) %}
{% endmacro %}
