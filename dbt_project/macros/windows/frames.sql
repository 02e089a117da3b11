{#
    The frames of a call. `until` holds what came before t, `before_<w>` what came before t - w,
    so that a sum over [t - w, t) is the one less the other. Both only ever grow as t moves on:
    the engine adds each row once, however long the window and however heavy the key. (A frame
    whose start moves is summed anew for every row.) `last_<w>` is such a moving frame.
#}
{% macro window_frames(keys, windows) -%}
    {%- set key_list = keys | join(", ") -%}
    until as (partition by {{ key_list }} order by at_ms range between unbounded preceding and 1 preceding)
    {%- for window in windows %}
        ,
        before_{{ window }} as (
            partition by {{ key_list }}
            order by {{ frame_clock(window) }}
            range between unbounded preceding and {{ frame_offset(window) }} preceding
        )
        {%- if milliseconds(window) < 2147483647 %}
            ,
            last_{{ window }} as (
                partition by {{ key_list }}
                order by at_ms range between {{ milliseconds(window) }} preceding and 1 preceding
            )
        {%- endif %}
    {%- endfor %}
{%- endmacro %}


{#
    What a frame's rows are ordered by: milliseconds, as long as the offset is below 2^31, which
    is all ClickHouse takes. For a longer window (from 24 days on) a unit in which w + 1/2 ms is
    2^30: times w apart are then nearer than 2^30, times w + 1 ms apart are not, each by 0.2
    units, a thousand times what a Float64 rounds off.
#}
{% macro frame_clock(window) -%}
    {%- if milliseconds(window) + 1 < 2147483647 -%} at_ms
    {%- else -%} at_ms * (1073741824 / ({{ milliseconds(window) }} + 0.5))
    {%- endif -%}
{%- endmacro %}


{# Distance of times more than w apart: w + 1 ms, for times are whole milliseconds. #}
{% macro frame_offset(window) -%}
    {%- if milliseconds(window) + 1 < 2147483647 -%} {{ milliseconds(window) + 1 }}
    {%- else -%} 1073741824
    {%- endif -%}
{%- endmacro %}


{# Greatest distance of times that are not more than w apart. #}
{% macro frame_reach(window) -%}
    {%- if milliseconds(window) + 1 < 2147483647 -%} {{ milliseconds(window) }}
    {%- else -%} 1073741824
    {%- endif -%}
{%- endmacro %}
