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


{% macro insert_part(into, part_sql, has_contract) %}
    {% call statement("main") %} {{ clickhouse__insert_into(into, part_sql, has_contract) }} {% endcall %}
{% endmacro %}


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
