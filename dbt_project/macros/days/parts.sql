{#
    A part of a chunk goes into a table of its own, named by all that it is made of: the chunk's
    inputs and the query. A later run that finds such a table takes it as it is. It stands only
    when it is whole, for it is filled under another name.
#}
{% macro keep_part(new_data, part_sql, has_contract, chunk) %}
    {% set made_of = local_md5(chunk.inputs | string ~ part_sql)[:16] %}
    {% set kept = new_data.incorporate(path={"identifier": this.identifier ~ "__dbt_part_" ~ made_of}) %}
    {% set filled = new_data.incorporate(path={"identifier": new_data.identifier ~ "_part"}) %}
    {% set cluster = on_cluster_clause(new_data) %}
    {% if kept.identifier in kept_parts() %}
        {% do log(this.name ~ ": part " ~ model.part ~ " stands, made by a run that was ended", info=true) %}
    {% else %}
        {% do run_query("create table " ~ filled ~ " " ~ cluster ~ " as " ~ new_data) %}
        {% do insert_part(filled, part_sql, has_contract) %}
        {% do run_query("rename table " ~ filled ~ " to " ~ kept ~ " " ~ cluster) %}
    {% endif %}
    {% set days %}
        select distinct partition_id from system.parts
        where active and rows > 0 and database = '{{ kept.schema }}' and table = '{{ kept.identifier }}'
    {% endset %}
    {% for day in run_query(days).rows %}
        {% do run_query("alter table " ~ new_data ~ " attach partition id '" ~ day[0] ~ "' from " ~ kept) %}
    {% endfor %}
{% endmacro %}


{# Fill a table with a part, once the rows of the chunk that its query reads stand (`rows_of_part`). #}
{% macro insert_part(into, part_sql, has_contract) %}
    {% for name, rows in model.read_first.items() if name not in kept_parts() %}
        {% set filled = this.incorporate(path={"identifier": this.identifier ~ "__dbt_new_data_rows"}) %}
        {% set kept = this.incorporate(path={"identifier": name}) %}
        {% set cluster = on_cluster_clause(this) %}
        {% set stored = (
            "partition by part_of_chunk order by tuple() settings "
            ~ unmerged()
            ~ " empty as "
            ~ rows
        ) %}
        {% do run_query("drop table if exists " ~ filled ~ " " ~ cluster ~ " sync") %}
        {% do run_query(
            "create table " ~ filled ~ " " ~ cluster ~ " engine = " ~ table_engine() ~ " " ~ stored
        ) %}
        {#- Large blocks, for each becomes a file for every part. #}
        {% set settings = "max_partitions_per_insert_block = 0, min_insert_block_size_rows = 8000000, min_insert_block_size_bytes = 1000000000" %}
        {% do run_query("insert into " ~ filled ~ " settings " ~ settings ~ " " ~ rows) %}
        {% do run_query("rename table " ~ filled ~ " to " ~ kept ~ " " ~ cluster) %}
    {% endfor %}
    {% call statement("main") %} {{ clickhouse__insert_into(into, part_sql, has_contract) }} {% endcall %}
{% endmacro %}


{#
    SQL that reads the part's share of `rows`, which have `part_of_key`. Filtered where they stand,
    a part's rows are read by scanning all of the chunk, and come in blocks of a few thousand, over
    which a chain of sorts takes twice the time. So where a chunk has several parts its rows are
    written down first, apart for each, in a table that is kept as parts are.
#}
{% macro rows_of_part(rows) %}
    {% if not model.get("chunk") or model.chunk.parts == 1 %} {{ return(rows) }} {% endif %}
    {% set made_of = local_md5(model.chunk.inputs | string ~ rows)[:16] %}
    {% set name = this.identifier ~ "__dbt_part_rows_" ~ made_of %}
    {% do model.read_first.update({name: rows}) %}
    {% set kept = this.incorporate(path={"identifier": name}) %}
    {{ return("select * except (part_of_chunk) from " ~ kept ~ " where part_of_chunk = " ~ model.part) }}
{% endmacro %}


{# A column of rows in parts: the part that a row's key is in. #}
{% macro part_of_key(hash) -%}
    {%- if model.get("chunk") and model.chunk.parts > 1 -%}
        ,
        {#- A number of a text of few values is of few values too to the engine, which refuses to store that. -#}
        cast({{ hash }} % {{ model.chunk.parts }}, 'UInt16') as part_of_chunk
    {%- endif -%}
{%- endmacro %}


{# Names of the parts of the model that stand. #}
{% macro kept_parts() %}
    {% set names %}
        select name from system.tables
        where database = '{{ this.schema }}' and startsWith(name, '{{ this.identifier }}__dbt_part_')
    {% endset %}
    {{ return(run_query(names).rows | map(attribute=0) | list) }}
{% endmacro %}


{# Once a chunk stands its parts are done with, and so are those of inputs that were never swapped in. #}
{% macro drop_parts() %}
    {% for name in kept_parts() %}
        {% do run_query(
            "drop table if exists "
            ~ this.incorporate(path={"identifier": name})
            ~ " "
            ~ on_cluster_clause(this)
            ~ " sync"
        ) %}
    {% endfor %}
{% endmacro %}
