{#
    Rows with the beginnings and ends of the runs of one value marked, for each window asked for,
    and with the features of the finer key that the value makes.
    `types` names the columns of marks and what makes their type (run_aggregates.sql).
#}
{% macro value_runs(rows, value, wanted, types, windows) -%}
    {%- set columns = wanted.runs.values() | map(attribute="begins.column") | unique | list -%}
    select
        * except ({{ ([value] + columns) | join(", ") }})
        {%- for column in columns %}
            ,
            {{ types[column] }} (
                {{ column }}
                {%- for window, marks in wanted.runs.items() if marks.begins.column == column %}
                    {#- More than w after the one before it; more than w before the one after it. #}
                    + bitShiftLeft(
                        {{ types[column] }} (
                            {{ wanted.known }}
                            and at_ms - lagInFrame(at_ms, 1, -1000000000000000) over neighbours
                            > {{ milliseconds(window) }}
                        ),
                        {{ marks.begins.bit }}
                    )
                    + bitShiftLeft(
                        {{ types[column] }} (
                            {{ wanted.known }}
                            and leadInFrame(at_ms, 1, 1000000000000000) over neighbours - at_ms
                            > {{ milliseconds(window) }}
                        ),
                        {{ marks.ends.bit }}
                    )
                {%- endfor %}
            ) as {{ column }}
        {%- endfor %}
        {%- for window in wanted.entropies %}
            ,
            {#- Of the value's events: those before this one that have not left when it comes. #}
            count() over earlier - count() over before_{{ window }} as present_{{ value }}_{{ window }},
            {#- And those that have come when it leaves, itself the first of them. #}
            count() over until_{{ window }}_later - count() over earlier as staying_{{ value }}_{{ window }},
            if(
                not {{ wanted.known }},
                0,
                {{ surprise("present_" ~ value ~ "_" ~ window ~ " + 1") }}
                - {{ surprise("present_" ~ value ~ "_" ~ window) }}
            ) as gain_{{ value }}_{{ window }},
            if(
                not {{ wanted.known }},
                0,
                {{ surprise("staying_" ~ value ~ "_" ~ window) }}
                - {{ surprise("staying_" ~ value ~ "_" ~ window ~ " - 1") }}
            ) as loss_{{ value }}_{{ window }}
        {%- endfor %}
        {%- for column in wanted.finer %}, {{ column.sql }} as {{ column.name }} {%- endfor %}
    from {{ rows }}
    window
        neighbours as (partition by {{ value }} order by at_ms rows between 1 preceding and 1 following)
        {%- if wanted.finer %}, {{ window_frames([value], windows) }} {%- endif %}
        {%- if wanted.entropies %}
            ,
            earlier as (
                partition by {{ value }} order by at_ms rows between unbounded preceding and 1 preceding
            )
        {%- endif %}
        {%- for window in wanted.entropies %}
            {%- if not wanted.finer %}
                ,
                before_{{ window }} as (
                    partition by {{ value }}
                    order by {{ frame_clock(window) }}
                    range between unbounded preceding and {{ frame_offset(window) }} preceding
                )
            {%- endif %},
            until_{{ window }}_later as (
                partition by {{ value }}
                order by {{ frame_clock(window) }}
                range between unbounded preceding and {{ frame_reach(window) }} following
            )
        {%- endfor %}
{%- endmacro %}


{# F(c) = c * log2(c), in units of 2^-32. #}
{% macro surprise(count) -%}
    toInt64(round(({{ count }}) * log2(greatest({{ count }}, 1)) * 4294967296))
{%- endmacro %}
