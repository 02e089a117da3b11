"""Publishers by risk, probabilities against verdicts, and drift of features."""

from math import sqrt
from typing import Any

from clickward.analysis.explorer.edges import Edges
from clickward.analysis.explorer.scope import EAGER, IS_UNCONVERTED, Scope
from clickward.models_ml.evaluation.economics import one_currency

Z = 1.96
PUBLISHERS = 500


def wilson(successes: int, n: int) -> tuple[float | None, float | None]:
    """Ends of the 95 % interval of a share (Wilson 1927); None where n is 0."""
    if not n:
        return None, None
    share = successes / n
    middle = share + Z * Z / (2 * n)
    reach = Z * sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))
    whole = 1 + Z * Z / n
    return max(0.0, (middle - reach) / whole), min(1.0, (middle + reach) / whole)


def rank_publishers(scope: Scope) -> list[dict[str, Any]]:
    """Publishers of each app by the lower end of their flagged share, the worst first.

    Of scores in force, organic traffic aside; `previous_*` are of the equally long period before.
    At most `PUBLISHERS`, those with the most scored installs. Raises `UserError` where days were
    built in different currencies.
    """
    warehouse = scope.warehouse
    before = scope.date_from - (scope.date_to - scope.date_from)
    now, cards = scope.inside, warehouse.table("marts", "mart_publisher_daily")
    paid_in = f"select toString(currency) as name from {cards} where {now} group by name"
    one_currency(warehouse.query(paid_in)["name"])
    rows = warehouse.query(
        f"""
        select
            toString(app_id) as app, toString(publisher) as publisher,
            sumIf(scored_installs, {now}) as n, sumIf(flagged_installs, {now}) as flagged,
            sumOrNullIf(spend_at_risk, {now}) as spend_at_risk,
            sumIf(unconverted_at_risk, {now}) as unconverted_at_risk,
            sumIf(scored_installs, not ({now})) as previous_n,
            sumIf(flagged_installs, not ({now})) as previous_flagged
        from {cards}
        where event_date >= '{before}' and event_date < '{scope.date_to}'
            and publisher != 'organic'
        group by app, publisher having n > 0 order by n desc, app, publisher limit {PUBLISHERS}
        """
    )
    found = []
    for row in rows.iter_rows(named=True):
        n, flagged, earlier = row["n"], row["flagged"], row["previous_n"]
        low, high = wilson(flagged, n)
        found.append(
            {
                "app": row["app"], "publisher": row["publisher"] or None, "n": n,
                "flagged": flagged, "share": flagged / n, "low": low, "high": high,
                "previous_n": earlier,
                "previous_share": row["previous_flagged"] / earlier if earlier else None,
                "spend_at_risk": row["spend_at_risk"],
                "unconverted_at_risk": row["unconverted_at_risk"],
            }
        )  # fmt: skip
    return sorted(found, key=lambda one: (-(one["low"] or 0), -one["n"], one["app"]))


def read_calibration(scope: Scope, edges: dict[str, Edges]) -> dict[str, list[dict[str, Any]]]:
    """Mean probability beside the share of verdicts by score bin, of matured rows.

    Versions that tell no probability have an empty list.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    for model in scope.models:
        place = f"indexOf(model_versions, '{model.version}')"
        found[model.version] = scope.warehouse.query(
            f"select {edges[model.version].place('scores[at]')} as bin, count() as n,"
            " avg(probabilities[at]) as mean_probability, countIf(state = 0) as verdicts"
            f" from (select scores, probabilities, {place} as at, {scope.state} as state"
            f" from {scope.relation} where {scope.inside} and at > 0 and state != 2"
            " and probabilities[at] is not null)"
            f" group by bin order by bin {EAGER}"
        ).to_dicts()
    return found


def read_drift(scope: Scope) -> list[dict[str, Any]]:
    """The stability index of each day and feature beside its limit."""
    name = scope.warehouse.table("marts", "mart_feature_drift_daily")
    return scope.warehouse.query(
        "select toString(event_date) as day, toString(feature) as feature,"
        f" round(stability_index, 5) as psi, round(drift_limit, 5) as limit, rows as n from {name}"
        f" where feature_set = {{name:String}} and {scope.inside} order by day, feature",
        name=scope.feature_set,
    ).to_dicts()


def read_costs(scope: Scope) -> dict[str, float | None]:
    """Means per row of the range of payout, dispute and review, in the scope's currency.

    Nobody is paid for an organic or blocked install, nor disputes it: they stand outside the mean
    of payout, and outside that of disputes, as does what no rate converts. None where no row has
    the amount.
    """
    means = scope.warehouse.query(
        "select avgOrNull(payout) as mean_payout,"
        " avgOrNullIf(dispute_cost, payout_stated is not null) as mean_dispute,"
        f" avgOrNull(review_cost) as mean_review from {scope.relation} where {scope.inside}"
    ).row(0)
    return dict(zip(("payout", "dispute", "review"), means, strict=True))


def read_unconverted(scope: Scope) -> dict[str, Any]:
    """Of `priced` installs that state a payout, how many no rate converts, and what they state.

    `stated` holds `currency`, None where none is stated, `n` and `amount`, the most rows first.
    """
    stated = scope.warehouse.query(
        "select toString(payout_currency) as stated_in, count() as n,"
        f" sum(payout_stated) as amount from {scope.relation}"
        f" where {scope.inside} and {IS_UNCONVERTED} group by stated_in order by n desc, stated_in"
    )
    return {
        "priced": scope.priced,
        "unconverted": scope.unconverted,
        "stated": stated.rename({"stated_in": "currency"}).to_dicts(),
    }
