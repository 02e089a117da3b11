{#
    Lead scores, claims and decisions to the ids that a later reading of raw gave: after core has them,
    before marts read them. Killed in the middle, the next build goes on: the moves are written down first,
    and a row is copied where it is not yet there, then removed where it was.
#}
{% macro follow_moved_ids() %}
    {#- Tables of `ml` by name: core does not read them, so nothing of core is made of scores. #}
    {%- set former, written = ref("appsflyer_former_ids"), target.schema ~ "_ml." -%}
    {%- set moved = target.schema ~ "_raw.moved_ids" -%}
    {%- if execute and flags.WHICH in ("run", "build") and has_ids_to_move(moved, "reading") -%}
        {% do run_query(
            "insert into "
            ~ moved
            ~ " select kind, publisher, former, current, now64(3) from ("
            ~ moved_ids(former)
            ~ ") where (kind, publisher, former, current) not in (select kind, publisher, former, current from "
            ~ moved
            ~ ")"
        ) %}
        {% do move_rows(moved, written ~ "scores", "subject_id", "install", "run_id") %}
        {% do move_rows(moved, written ~ "scores", "subject_id", "subpublisher_day", "run_id") %}
        {% do move_rows(moved, written ~ "claim_rows", "install_id", "install", "claim_id") %}
        {% do move_decisions(moved, written ~ "block_decisions") %}
        {% do note_all_moved(moved, "reading") %}
    {%- endif -%}
{% endmacro %}


{# The same of clicks that were scored, after core has clicks. #}
{% macro follow_moved_clicks() %}
    {%- set former, scores = ref("appsflyer_former_clicks"), target.schema ~ "_ml.scores" -%}
    {%- set moved = target.schema ~ "_raw.moved_ids" -%}
    {%- if execute and flags.WHICH in ("run", "build") and has_ids_to_move(moved, "reading of clicks") -%}
        {% if run_query("select count() from " ~ scores ~ " where subject = 'click'").rows[0][0] | int %}
            {% do run_query(
                "insert into "
                ~ moved
                ~ " select kind, publisher, former_id, current_id, now64(3) from ("
                ~ moved_clicks(moved, former, scores)
                ~ ")"
            ) %}
            {% do move_rows(moved, scores, "subject_id", "click", "run_id") %}
        {% endif %}
        {% do note_all_moved(moved, "reading of clicks") %}
    {%- endif -%}
{% endmacro %}


{# Where every day that can be is built with this reading nothing is left to move. #}
{% macro note_all_moved(moved, kind) %}
    {% if not var("build_from", none) and not var("build_to", none) %}
        {% do run_query(
            "insert into "
            ~ moved
            ~ " values ('"
            ~ kind
            ~ "', '', '', '"
            ~ reading()
            ~ "', now64(3))"
        ) %}
    {% endif %}
{% endmacro %}


{# Whether the store was read otherwise before, and not all of it has moved. #}
{% macro has_ids_to_move(moved, kind) %}
    {% set asked %}
        select
            (select count() from {{ ref("load_days") }} where reading < {{ reading() }}) > 0
            and (select count() from {{ moved }} where kind = '{{ kind }}' and current = '{{ reading() }}') = 0
    {% endset %}
    {{ return(run_query(asked).rows[0][0] | int == 1) }}
{% endmacro %}


{# Rows of `table` whose `id` moved; of one `owner`, a run or a claim, an id has one row. #}
{% macro move_rows(moved, table, id, kind, owner) %}
    {% set ids = (
        "(select former, min(current) as current from "
        ~ moved
        ~ " where kind = '"
        ~ kind
        ~ "' group by former)"
    ) %}
    {% set copied %}
        insert into {{ table }}
        select rows.* replace (toUUID(ids.current) as {{ id }})
        from {{ table }} as rows
        inner join {{ ids }} as ids on ids.former = toString(rows.{{ id }})
        where ({{ owner }}, ids.current) not in (
            select {{ owner }}, toString({{ id }}) from {{ table }}
            where toString({{ id }}) in (select current from {{ ids }})
        )
        limit 1 by {{ owner }}, ids.current
    {% endset %}
    {% do run_query(copied) %}
    {% do remove_rows(table, "toString(" ~ id ~ ") in (select former from " ~ ids ~ ")") %}
{% endmacro %}


{# A decision about a name that now is two names holds for both; one about a name that is gone moves. #}
{% macro move_decisions(moved, table) %}
    {% set names = (
        "(select publisher as owner, former, current from "
        ~ moved
        ~ " where kind = 'subpublisher')"
    ) %}
    {% set candidate = "lower(hex(sipHash64(rows.scope, rows.app_id, rows.publisher, names.current)))" %}
    {% set copied %}
        insert into {{ table }}
        select rows.* replace ({{ candidate }} as candidate_id, names.current as subpublisher)
        from {{ table }} as rows
        inner join {{ names }} as names on names.owner = rows.publisher and names.former = rows.subpublisher
        where
            rows.scope = 'subpublisher'
            and (rows.decision_id, {{ candidate }}) not in (select decision_id, candidate_id from {{ table }})
    {% endset %}
    {% do run_query(copied) %}
    {% set gone %}
        scope = 'subpublisher'
        and (publisher, subpublisher) in (select owner, former from {{ names }})
        and (publisher, subpublisher) not in (select publisher, coalesce(subpublisher, '') from {{ this }})
    {% endset %}
    {% do remove_rows(table, gone) %}
{% endmacro %}


{% macro remove_rows(table, condition) %}
    {% if run_query("select count() from " ~ table ~ " where " ~ condition).rows[0][0] %}
        {% do run_query(
            "alter table "
            ~ table
            ~ " "
            ~ on_cluster_clause(this)
            ~ " delete where "
            ~ condition
            ~ " settings mutations_sync = 2, allow_nondeterministic_mutations = 1"
        ) %}
    {% endif %}
{% endmacro %}
