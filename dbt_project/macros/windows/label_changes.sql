{#
    One row per change of what is known about a subject, at the instant it became known: an
    event like any other, so that a window over these rows is a delay-safe rate.

    A subject counts (`n` = 1) when its outcome is known: with its first positive verdict, or
    after `maturity_days` without one. `positives` moves by 1 when a subject becomes positive,
    and by -1 when its last positive verdict is taken back.
#}
{% macro label_changes(subjects, subject, target, maturity_days, keys, where="true") %}
    {%- set subject_id = subject ~ "_id" -%}
    {%- set days = days_to_build(
        [
            {"from": ref(subjects), "lookback": maturity_days},
            {"from": ref("labels"), "lookback": maturity_days, "defines_days": 0},
            {
                "from": ref("labels"),
                "date": "toDate(known_at)",
                "fingerprint": "subject_id, verdict_source, value, known_at",
                "where": "target = '" ~ target ~ "'",
                "defines_days": 1,
            },
        ],
        every_shift_defines=true,
        in_parts=true,
    ) -%}
    with

        {{ verdict_flips(subject, target, in_part_of_keys("cityHash64(subject_id)")) }},

        first_positives as (
            select subject_id, min(known_at) as first_known_at from flips where change = 1 group by subject_id
        ),

        matured as (
            select
                subjects.{{ subject_id }} as changed_id,
                least(
                    subjects.event_at + toIntervalDay({{ maturity_days }}),
                    coalesce(
                        first_positives.first_known_at, subjects.event_at + toIntervalDay({{ maturity_days }})
                    )
                ) as changed_at,
                {%- for key in keys %} subjects.{{ key }} as {{ key }}, {%- endfor %}
                1 as n,
                0 as positives
            from {{ ref(subjects) }} as subjects
            left join first_positives on first_positives.subject_id = subjects.{{ subject_id }}
            where
                {{ where }}
                and {{ in_days_with_lookback(days, maturity_days, "subjects.event_date") }}
                and {{ in_part_of_keys("cityHash64(subjects." ~ subject_id ~ ")") }}
        ),

        flipped as (
            select
                flips.subject_id as changed_id,
                flips.known_at as changed_at,
                {%- for key in keys %} subjects.{{ key }} as {{ key }}, {%- endfor %}
                0 as n,
                flips.change as positives
            from {{ ref(subjects) }} as subjects
            inner join flips on flips.subject_id = subjects.{{ subject_id }}
            where {{ where }} and flips.change != 0 and {{ in_days(days, "toDate(flips.known_at)") }}
        ),

        changes as (
            select *
            from matured
            union all
            select *
            from flipped
        )

    select
        toUUID(changed_id) as {{ subject_id }},
        changes.changed_at as event_at,
        toDate(changes.changed_at) as event_date,
        {%- for key in keys %} changes.{{ key }} as {{ key }}, {%- endfor %}
        toInt64(sum(changes.n)) as n,
        toInt64(sum(changes.positives)) as positives
    from changes
    where {{ in_days(days, "toDate(changes.changed_at)") }}
    group by all
{% endmacro %}
