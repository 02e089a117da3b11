{# Milliseconds of `10m`, `1h`, `7d`. #}
{% macro milliseconds(duration) %}
    {% set units = {"s": 1000, "m": 60000, "h": 3600000, "d": 86400000} %}
    {% set amount, unit = duration[:-1], duration[-1] %}
    {% if unit not in units or not amount.isdigit() or amount | int == 0 %}
        {{
            exceptions.raise_compiler_error(
                "window '" ~ duration ~ "': expected a whole number and s, m, h or d, such as 10m or 7d"
            )
        }}
    {% endif %}
    {% set value = amount | int * units[unit] %}
    {% if value > 30 * units.d %}
        {{ exceptions.raise_compiler_error("window '" ~ duration ~ "' is longer than 30 days") }}
    {% endif %}
    {{ return(value) }}
{% endmacro %}

{# Whole days that a window can reach back from any instant of a day. #}
{% macro days_reached(windows) %}
    {% set longest = namespace(value=0) %}
    {% for window in windows %}
        {% set longest.value = [longest.value, milliseconds(window)] | max %}
    {% endfor %}
    {{ return(((longest.value + 86399999) / 86400000) | int) }}
{% endmacro %}
