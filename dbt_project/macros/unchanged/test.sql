{#
    A data test, as dbt runs it; but `clickward build` asks for it to be taken as passed where
    neither its SQL and configuration nor the state of any relation that it reads, through views
    too, has changed since it passed. Plain dbt runs every test.
#}
{% materialization test, adapter = "clickhouse" %}
    {% set now = state_of_test() %}
    {% if now %}
        {% set kept = kept_states() %}
        {% do kept.now.update({model.unique_id: now}) %}
        {% set then = kept.passed.get(model.unique_id) %}
        {% if then and then.digest == now.digest and then.written_at >= now.written_at and not env_var(
            "CLICKWARD_TESTS_ALL", ""
        ) %}
            {% do store_raw_result(
                "main",
                message="unchanged since it passed",
                code="UNCHANGED",
                rows_affected=0,
                agate_table=kept.passes,
            ) %}
            {{ return({"relations": []}) }}
        {% endif %}
    {% endif %}
    {{ return(dbt.materialization_test_default()) }}
{% endmaterialization %}


{#
    What the tests of a run share: the tests that have passed, by id; the states of relations
    that were read; the states of the tests that ran; and the answer of a test that passes.
#}
{% macro kept_states() %}
    {% if "clickward_states" not in graph %}
        {% set passed = {} %}
        {% for row in run_query(
            "select test, digest, written_at from " ~ target.schema ~ "_raw.passed_tests"
        ).rows %}
            {% do passed.update({row[0]: {"digest": row[1], "written_at": row[2]}}) %}
        {% endfor %}
        {% set passes = run_query("select 0 as failures, false as should_warn, false as should_error") %}
        {% do graph.setdefault(
            "clickward_states", {"passed": passed, "relations": {}, "now": {}, "passes": passes}
        ) %}
    {% endif %}
    {{ return(graph.clickward_states) }}
{% endmacro %}


{#
    Digest of a test, and the latest write of what it reads; none where `clickward` has not
    asked for it, where failing rows are stored, where its answer may change though nothing is
    written (it asks for the time, for chance, for files or for tables of the engine), or where a
    state cannot be told.
#}
{% macro state_of_test() %}
    {% set among = env_var("CLICKWARD_TESTS_AMONG", "") %}
    {% if not among or should_store_failures() %} {{ return(none) }} {% endif %}
    {% set read = {"key": target.schema ~ "_raw.hash_key"} %}
    {% do add_relations_below(model.depends_on.nodes, read) %}
    {% if asks_for_more(sql) %} {{ return(none) }} {% endif %}
    {% for id in read if graph.nodes.get(id, {}).get("config", {}).get("materialized") == "view" and asks_for_more(graph.nodes[id].raw_code) %}
        {{ return(none) }}
    {% endfor %}
    {% set states = states_of(read.values() | select | unique | sort | list) %}
    {% if states is none %} {{ return(none) }} {% endif %}
    {#- dbt does not know what a view that it has not made reads. #}
    {% for id in read if id in graph.sources and kept_states().relations[read[id]].is_view %}
        {{ return(none) }}
    {% endfor %}
    {% set options = [] %}
    {% for name in ["severity", "limit", "fail_calc", "warn_if", "error_if", "sql_header"] %}
        {% do options.append(config.get(name) | string) %}
    {% endfor %}
    {{
        return(
            {
                "digest": local_md5(tojson([among, sql, options, states | map(attribute="state") | list])),
                "written_at": states | map(attribute="written_at") | max,
            }
        )
    }}
{% endmacro %}


{# Whether SQL asks for what no table tells. #}
{% macro asks_for_more(text) %}
    {% set functions = "now|now64|nowinblock|today|yesterday|curdate|utc_timestamp|rand\\w*|generate\\w*|file|url|s3\\w*|remote\\w*|cluster\\w*|mysql|postgresql|executable|dictget\\w*" %}
    {% set pattern = "\\b(" ~ functions ~ ")\\s*\\(|\\bcurrent_(date|timestamp)\\b|\\bsystem\\." %}
    {{ return(modules.re.search(pattern, text | lower) is not none) }}
{% endmacro %}


{# Relations that nodes read, by node: tables stand for themselves, views for what is below too. #}
{% macro add_relations_below(nodes, found) %}
    {% for id in nodes if id not in found %}
        {% set node = graph.nodes.get(id) or graph.sources.get(id) %}
        {% set materialized = node.config.get("materialized") if node else none %}
        {% if node and materialized != "ephemeral" %}
            {% do found.update({id: node.schema ~ "." ~ (node.get("identifier") or node.alias)}) %}
        {% else %} {% do found.update({id: none}) %}
        {% endif %}
        {% if node and node.resource_type == "model" and materialized not in (
            "table",
            "incremental",
            "by_day",
        ) %}
            {% do add_relations_below(node.depends_on.nodes, found) %}
        {% endif %}
    {% endfor %}
{% endmacro %}


{#
    Name, state and latest write of relations; none where one cannot be told. Each is read once in
    a run, before the first test that reads it and after it was built.
#}
{% macro states_of(names) %}
    {% set relations = kept_states().relations %}
    {% set unknown = names | reject("in", relations) | list %}
    {% if unknown %}
        {% set databases, tables = [], [] %}
        {% for name in unknown %}
            {% do databases.append(name.split(".", 1)[0]) %} {% do tables.append(name.split(".", 1)[1]) %}
        {% endfor %}
        {#- Two lists, which the engine looks up, where pairs would have it describe every table. #}
        {% set states_sql %}
            select database || '.' || name, state, written_at, is_view
            from {{ target.schema }}_raw.relation_states
            where
                database in ('{{ databases | unique | join("', '") }}')
                and name in ('{{ tables | join("', '") }}')
        {% endset %}
        {% for row in run_query(states_sql).rows if row[0] in unknown %}
            {% do relations.update(
                {
                    row[0]: {
                        "state": row[0] ~ " " ~ row[1] if row[1] else "",
                        "written_at": row[2],
                        "is_view": row[3],
                    }
                }
            ) %}
        {% endfor %}
    {% endif %}
    {% set found = [] %}
    {% for name in names %}
        {% set relation = relations.get(name) %}
        {% if not relation or not relation.state %} {{ return(none) }} {% endif %}
        {% do found.append(relation) %}
    {% endfor %}
    {{ return(found) }}
{% endmacro %}


{# At the end of a run: tests that passed are kept, tests that did not are struck. #}
{% macro keep_passed_tests(results) %}
    {% set table = target.schema ~ "_raw.passed_tests" %}
    {% set failed = [] %}
    {% for result in results if result.node.resource_type == "test" and result.status not in ("pass", "skipped") %}
        {% do failed.append(result.node.unique_id) %}
    {% endfor %}
    {% if failed %}
        {% do run_query(
            "alter table "
            ~ table
            ~ " "
            ~ on_cluster_clause(this)
            ~ " delete where test in ('"
            ~ failed
            | join("', '") ~ "') settings mutations_sync = 2"
        ) %}
    {% endif %}
    {% if env_var("CLICKWARD_TESTS_AMONG", "") and "clickward_states" in graph %}
        {% set kept = graph.clickward_states %}
        {% for result in results if result.status == "pass" and result.node.unique_id in kept.now %}
            {% do kept.passed.update({result.node.unique_id: kept.now[result.node.unique_id]}) %}
        {% endfor %}
        {% set rows = [] %}
        {% for test, state in kept.passed.items() if test not in failed %}
            {% do rows.append("('" ~ test ~ "', '" ~ state.digest ~ "', " ~ state.written_at ~ ")") %}
        {% endfor %}
        {% do run_query("truncate table " ~ table) %}
        {% if rows %} {% do run_query("insert into " ~ table ~ " values " ~ rows | join(", ")) %} {% endif %}
    {% endif %}
{% endmacro %}
