{#
    Population-stability index of each feature and day against a reference, and the limit above
    which it is drift.

    `histograms` has event_date, feature_set, feature, bin, rows (see feature_histograms);
    `references` has one row per feature set: feature_set, from_date, to_date (excluded).

    Bins are joined into ten groups of equal reference mass, one for unknown and one for texts
    never seen. Fixed limits such as 0.1 or 0.25 mean nothing: by chance alone the index of
    n rows is about 9/n, and no real day is a random sample. So there are two limits, and the
    greater one counts:

    limit_by_chance  `resamples` pairs of samples of the day's and the reference's size are drawn
                     from both together; the limit is the 99th percentile, over the resamples, of
                     the greatest index among all features of the set, each in units of its own
                     mean. So a day without drift raises one false alarm, of any feature, in a
                     hundred days (Westfall and Young 1993, max-T). Draws are counts by
                     Anscombe's transformation of normals that come from hashes: the same
                     data give the same limit.
    limit_by_days    the greatest index of a day of the reference against its other days; NULL
                     below seven days.
#}
{% macro feature_drift(histograms, references, resamples=200) %}
    with

        bins as (
            select
                h.event_date as event_date,
                h.feature_set as feature_set,
                h.feature as feature,
                h.bin as bin,
                h.rows as rows,
                r.from_date as reference_from,
                r.to_date as reference_to,
                event_date >= r.from_date and event_date < r.to_date as is_reference
            from {{ histograms }} as h
            inner join {{ references }} as r on r.feature_set = h.feature_set
        ),

        reference_bins as (
            select
                feature_set,
                feature,
                bin,
                least(9, intDiv(10 * (sum(rows) over smaller - rows / 2), sum(rows) over every)) as bin_group
            from
                (
                    select feature_set, feature, bin, sum(rows) as rows
                    from bins
                    where is_reference and bin != {{ unknown_bin() }}
                    group by feature_set, feature, bin
                )
            window
                smaller as (
                    partition by feature_set, feature
                    order by bin
                    rows between unbounded preceding and current row
                ),
                every as (partition by feature_set, feature)
        ),

        grouped as (
            select
                bins.*,
                multiIf(
                    bins.bin = {{ unknown_bin() }},
                    10,
                    bins.bin >= {{ first_text_bin() }} and reference_bins.bin is distinct from bins.bin,
                    11,
                    ifNull(reference_bins.bin_group, 0)
                ) as bin_group
            from bins
            asof left join
                reference_bins
                on reference_bins.feature_set = bins.feature_set
                and reference_bins.feature = bins.feature
                and reference_bins.bin <= bins.bin
        ),

        days as (
            select
                event_date,
                feature_set,
                feature,
                any(reference_from) as reference_from,
                any(reference_to) as reference_to,
                any(is_reference) as is_reference,
                sumForEach(arrayMap(g -> if(g = bin_group, toFloat64(rows), 0), range(12))) as counts
            from grouped
            group by event_date, feature_set, feature
        ),

        reference as (
            select feature_set, feature, sumForEach(counts) as counts
            from days
            where is_reference
            group by feature_set, feature
        ),

        compared as (
            select
                days.*,
                reference.counts as reference_counts,
                {{ stability_index("days.counts", "reference.counts") }} as psi,
                if(
                    is_reference,
                    {{
                        stability_index(
                            "days.counts", "arrayMap((x, y) -> x - y, reference.counts, days.counts)"
                        )
                    }},
                    null
                ) as psi_of_reference_day
            from days
            inner join
                reference on reference.feature_set = days.feature_set and reference.feature = days.feature
        ),

        drawn as (
            select
                compared.*,
                resample,
                arrayMap(
                    (x, y) -> (x + y) / (arraySum(counts) + arraySum(reference_counts)),
                    counts,
                    reference_counts
                ) as shares,
                arrayMap(g -> sipHash64(event_date, feature_set, feature, resample, g), range(12)) as seeds,
                arrayMap(seed -> sqrt(-2 * log((seed % 4294967296 + 0.5) / 4294967296)), seeds) as radii,
                arrayMap(seed -> 2 * pi() * (intDiv(seed, 4294967296) / 4294967296), seeds) as angles,
                {{ poisson_counts("arraySum(counts)", "cos") }} as drawn_counts,
                {{ poisson_counts("arraySum(reference_counts)", "sin") }} as drawn_reference,
                {{ stability_index("drawn_counts", "drawn_reference") }} as drawn_psi
            from compared
            array join range({{ resamples }}) as resample
        ),

        -- One row per day and feature again; nothing before it is read twice, for an engine that
        -- computes a named step as often as it is named.
        by_chance as (
            select
                event_date,
                feature_set,
                feature,
                any(reference_from) as first_day,
                any(reference_to) as end_day,
                any(is_reference) as in_reference,
                any(counts) as day_counts,
                any(reference_counts) as all_counts,
                any(psi) as day_psi,
                any(psi_of_reference_day) as day_psi_in_reference,
                avg(drawn_psi) as mean_psi,
                arrayMap(
                    draw -> if(mean_psi > 0, draw .2 / mean_psi, 0),
                    arraySort(groupArray((resample, drawn_psi)))
                ) as ratios
            from drawn
            group by event_date, feature_set, feature
        ),

        limited as (
            select
                *,
                mean_psi
                * arrayReduce('quantileExactInclusive(0.99)', maxForEach(ratios) over day) as by_chance,
                if(
                    countIf(in_reference) over every_day >= 7, max(day_psi_in_reference) over every_day, null
                ) as by_days
            from by_chance
            window
                day as (partition by event_date, feature_set),
                every_day as (partition by feature_set, feature)
        )

    select
        event_date,
        feature_set,
        feature,
        first_day as reference_from,
        end_day as reference_to,
        in_reference as is_reference,
        toUInt64(arraySum(day_counts)) as rows,
        toUInt64(arraySum(all_counts)) as reference_rows,
        day_counts[11] / rows as unknown_share,
        all_counts[11] / reference_rows as reference_unknown_share,
        day_psi as stability_index,
        by_chance as limit_by_chance,
        by_days as limit_by_days,
        greatest(by_chance, ifNull(by_days, 0)) as drift_limit,
        toUInt8(not in_reference and stability_index > drift_limit) as is_drift
    from limited
{% endmacro %}
