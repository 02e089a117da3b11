with

    source as ({{ committed(source("talkingdata", "talkingdata__clicks")) }}),

    typed as (
        select
            *,
            {{ utc_time("click_time", ["UTC"]) }} as clicked_at,
            {{ utc_time("attributed_time", ["UTC"]) }} as installed_at
        from source
    ),

    renamed as (
        select
            -- The contest's clicks have no id: these columns make two rows the same click.
            {{ subject_id("talkingdata", ["ip", "app", "device", "os", "channel", "click_time"]) }}
            as click_id,
            clicked_at as event_at,
            installed_at as label_known_at,
            toUInt8({{ trimmed("is_attributed") }} = '1') as has_converted,
            {{ hashed("ip") }} as ip_hash,
            app as app_id,
            channel as publisher,
            device as device_model,
            os as os_version,
            multiIf(
                clicked_at is null,
                'invalid_click_time',
                not {{ is_plausible("clicked_at") }},
                'implausible_click_time',
                {% for code in ["ip", "app", "device", "os", "channel"] -%}
                    {{ says_nothing(code) }}{{ " or " if not loop.last }}
                {%- endfor %},
                'missing_value',
                not {{ says_nothing("is_attributed") }} and {{ trimmed("is_attributed") }} not in ('0', '1'),
                'invalid_is_attributed',
                has_converted = 1 and installed_at is null,
                'attributed_without_time',
                has_converted = 1 and not {{ is_plausible("installed_at") }},
                'implausible_attributed_time',
                null
            ) as reject_reason,
            {{ day_of("clicked_at") }} as event_date,
            told_arrival as arrived_at,
            {{ unread([("attributed_time", "installed_at is not null")]) }} as unread_values,
            _load_id as load_id,
            _source_file as source_file,
            _source_row as source_row
        from typed
    )

select *
from renamed
