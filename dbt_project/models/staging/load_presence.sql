-- Rows of each load that raw still holds: fewer than were loaded once raw has expired.
{% for name in loaded_reports() %}
    {%- set source_name, report = name.split(".") %}
    select _load_id as load_id, count() as rows_present
    from {{ source(source_name, source_name ~ "__" ~ report) }}
    group by load_id {{ "union all" if not loop.last }}
{% endfor %}
