{# AppsFlyer's reasons in the words of this project; NULL where the reason names no attack. The
   first that matches counts, so the particular stand before the general. #}
{% macro attack_of_reason(reason) -%}
    {%- set attacks = [
        ("mixed_traffic", "incentiv"),
        ("event_fraud", "event"),
        ("ad_stacking", "stack"),
        ("install_hijacking", "referrer"),
        ("click_injection", "hijack|inject"),
        ("click_flooding", "flood|spam|ctit"),
        ("device_farm", "farm|device_id|reset|new_device"),
        ("emulator_bots", "emulator"),
        ("smart_bots", "behavio"),
        ("bots", "bot"),
        ("sdk_spoofing", "sdk|signature|spoof|fake_install"),
    ] -%}
    multiIf(
        {% for attack, pattern in attacks -%}
            match(lower({{ reason }}), '{{ pattern }}'), '{{ attack }}',
        {% endfor -%}
        null
    )
{%- endmacro %}
