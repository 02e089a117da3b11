"""Draws the plots of docs/reference/simulator.md from small simulated worlds: docs/images/*.svg.

python docs/simulator_plots.py

The worlds are seeded, so that the same versions of the libraries draw the same pictures. Needs the
extra `docs`.
"""

import sys
import tempfile
from pathlib import Path
from typing import Any

import altair as alt
import polars as pl
from simulator_worlds import (
    NAMES,
    ROOT,
    active_by_age,
    busy,
    changed,
    clicks_by_hour,
    labelled,
    plain_attacks,
    write_world,
)

IMAGES = ROOT / "docs" / "images"
# Okabe and Ito's colours, which colour-blind readers tell apart.
BLUE, ORANGE, GREEN, VERMILION = "#0072B2", "#E69F00", "#009E73", "#D55E00"
GREY = "#8A8A8A"
HONEST = "honest advertised installs"
CTIT_TICKS = {1: "1 s", 10: "10 s", 60: "1 min", 600: "10 min", 3_600: "1 h", 86_400: "1 d"}
FEW_CTIT_TICKS = {1: "1 s", 20: "20 s", 300: "5 min", 3_600: "1 h", 86_400: "1 d"}
CTIT_DOMAIN = [1, 604_800]
STEPS_A_DECADE = 4


def main() -> None:
    """Simulate the worlds and draw every plot."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        plain = write_world(folder, "plain", plain_attacks())
        short = {
            name: write_world(folder, name, changed(name, days=14, clicks=200_000))
            for name in ("quiet", "default", "flood")
        }
        evolving = write_world(folder, "evolving", busy("evolving", 600_000, 0.03))
        charts = {
            "ctit_by_attack": ctit_by_attack(labelled(plain)),
            "hourly_volume": hourly_volume(short),
            "retention": retention(plain),
            "adapting_actor": adapting_actor(evolving),
        }
    for name, chart in charts.items():
        path = IMAGES / f"{name}.svg"
        _styled(chart).save(path)
        print(f"wrote {path.relative_to(ROOT)}", file=sys.stderr)


def ctit_by_attack(installs: pl.DataFrame) -> alt.FacetChart:
    """Distribution of CTIT of each attack in front of that of honest advertised installs."""
    steps = installs.filter(pl.col("ctit") > 0).with_columns(
        step=(pl.col("ctit").log10() * STEPS_A_DECADE).floor().clip(0),
        attack=pl.col("attack").fill_null("honest"),
    )
    shares = (
        steps.group_by("attack", "step")
        .len()
        .with_columns(share=pl.col("len") / pl.col("len").sum().over("attack"))
    )
    places = pl.DataFrame({"step": range(int(5.8 * STEPS_A_DECADE) + 1)}).cast(pl.Float64)
    rows = []
    for name in NAMES:
        for source, kind in ((name, "attack"), ("honest", HONEST)):
            mine = places.join(shares.filter(attack=source), on="step", how="left")
            rows.append(
                mine.select(
                    seconds=10 ** (pl.col("step") / STEPS_A_DECADE),
                    share=pl.col("share").fill_null(0),
                    panel=pl.lit(_spoken(name)),
                    kind=pl.lit(kind),
                )
            )
    table = pl.concat(rows)
    base = alt.Chart(_rows(table)).encode(
        x=_ctit(alt.X, "seconds", FEW_CTIT_TICKS).title("click-to-install time"),
        y=alt.Y(
            "share:Q", title="share of installs", axis=alt.Axis(format="%", tickCount=4), stack=None
        ),
        color=_colours("kind", ["attack", HONEST], [BLUE, "#BDBDBD"]),
    )
    honest = base.transform_filter(f"datum.kind == '{HONEST}'").mark_area(interpolate="step-after")
    attack = base.transform_filter("datum.kind == 'attack'").mark_line(
        interpolate="step-after", strokeWidth=2
    )
    panel = alt.layer(honest, attack).properties(width=180, height=130)
    order = [_spoken(name) for name in NAMES]
    return panel.facet(facet=alt.Facet("panel:N", title=None, sort=order), columns=5).resolve_scale(
        y="independent"
    )


def _spoken(name: str) -> str:
    return name.replace("_", " ").replace("sdk", "SDK")


def hourly_volume(worlds: dict[str, Path]) -> alt.HConcatChart:
    """Clicks by the hour through a week, and the mean day of three scenarios."""
    hours = {name: clicks_by_hour(world) for name, world in worlds.items()}
    monday = pl.datetime(2026, 1, 5)
    week = hours["quiet"].filter(
        pl.col("hour") >= monday, pl.col("hour") < monday + pl.duration(days=7)
    )
    # Altair takes a time without a zone for local time.
    told = week.with_columns(hour=pl.col("hour").dt.to_string("%Y-%m-%dT%H:00:00"))
    left = (
        alt.Chart(_rows(told), title="quiet, a week")
        .mark_area(color=BLUE, opacity=0.25, line={"color": BLUE, "strokeWidth": 1.5})
        .encode(
            x=alt.X("hour:T", title="day, UTC", axis=alt.Axis(format="%a", tickCount="day")),
            y=alt.Y("clicks:Q", title="clicks in the hour"),
        )
        .properties(width=400, height=230)
    )
    days = [
        frame.group_by(hour=pl.col("hour").dt.hour())
        .agg(pl.col("clicks").sum())
        .with_columns(share=pl.col("clicks") / pl.col("clicks").sum(), scenario=pl.lit(name))
        for name, frame in hours.items()
    ]
    axis = alt.Axis(values=list(range(0, 24, 4)))
    right = (
        alt.Chart(_rows(pl.concat(days).sort("scenario", "hour")), title="mean day")
        .mark_line(strokeWidth=2, point=alt.OverlayMarkDef(size=32, filled=True))
        .encode(
            x=alt.X("hour:Q", title="hour, UTC", axis=axis, scale=alt.Scale(domain=[0, 23])),
            y=alt.Y("share:Q", title="share of the day's clicks", axis=alt.Axis(format="%")),
            color=_colours("scenario", list(hours), [BLUE, GREEN, VERMILION], "right"),
            shape=_shapes("scenario", list(hours), "right"),
        )
        .properties(width=320, height=230)
    )
    return alt.hconcat(left, right)


RETAINED = {
    "honest": (GREY, HONEST),
    "organic": ("#000000", "organic installs"),
    "mixed_traffic": (ORANGE, "mixed traffic"),
    "smart_bots": (BLUE, "smart bots"),
    "device_farm": (VERMILION, "device farm"),
}


def retention(world: Path) -> alt.Chart:
    """Share of installs with an event on a later day, of installs that had the days to."""
    spoken = {kind: name for kind, (_, name) in RETAINED.items()}
    table = (
        active_by_age(world, 28)
        .filter(pl.col("kind").is_in(list(RETAINED)))
        .with_columns(pl.col("kind").replace(spoken))
    )
    names = [name for _, name in RETAINED.values()]
    return (
        alt.Chart(_rows(table))
        .mark_line(strokeWidth=2, point=alt.OverlayMarkDef(size=36, filled=True))
        .encode(
            x=alt.X("age:Q", title="days after the install", axis=alt.Axis(tickCount=14)),
            y=alt.Y("share:Q", title="share of installs active", axis=alt.Axis(format="%")),
            color=_colours("kind", names, [colour for colour, _ in RETAINED.values()], "right"),
            shape=_shapes("kind", names, "right"),
        )
        .properties(width=520, height=280)
    )


ACTORS = ("flood_ring_a", "injector_a")


def adapting_actor(world: Path) -> alt.VConcatChart:
    """CTIT of two actors by week against honest installs, and the blocks that moved them."""
    installs = labelled(world).with_columns(week=_week("install_time"))
    honest = installs.filter(pl.col("attack").is_null(), pl.col("ctit") > 0)
    usual = pl.col("ctit").quantile
    parts = [
        frame.group_by("week")
        .agg(
            median=usual(0.5), low=usual(0.25), high=usual(0.75), least=usual(0.1), most=usual(0.9)
        )
        .with_columns(actor=pl.lit(name), kind=pl.lit(kind))
        for name in ACTORS
        for kind, frame in (("actor", installs.filter(actor=name)), ("honest installs", honest))
    ]
    spread = _rows(pl.concat(parts).sort("actor", "kind", "week"))
    daily = pl.read_parquet(world / "_world" / "actors.parquet").filter(
        pl.col("actor").is_in(ACTORS)
    )
    steps = (
        daily.with_columns(week=_week("date"))
        .group_by("actor", "week")
        .agg(
            blocked=pl.col("blocked").sum() / pl.col("installs").sum(),
            mimicry=pl.col("mimicry").mean(),
        )
        .rename({"blocked": "installs blocked", "mimicry": "installs that mimic"})
        .unpivot(index=["actor", "week"], variable_name="measure", value_name="share")
        .sort("actor", "measure", "week")
    )
    rows = [
        alt.hconcat(*(_ctit_by_week(spread, name) for name in ACTORS)),
        alt.hconcat(*(_blocks_by_week(_rows(steps), name) for name in ACTORS)),
    ]
    return alt.vconcat(*rows).resolve_scale(
        color="independent", shape="independent", strokeDash="independent"
    )


def _week(column: str) -> pl.Expr:
    first = pl.col(column).cast(pl.Date).min()
    return (pl.col(column).cast(pl.Date) - first).dt.total_days() // 7 + 1


def _ctit_by_week(spread: alt.Data, actor: str) -> alt.LayerChart:
    base = alt.Chart(spread).transform_filter(f"datum.actor == '{actor}'").encode(x=_weeks(None))
    mine = base.transform_filter("datum.kind == 'actor'")
    kinds = ["actor", "honest installs"]
    medians = base.mark_line(strokeWidth=2.5).encode(
        y=_ctit(alt.Y, "median").title("click-to-install time"),
        color=_colours("kind", kinds, [BLUE, GREY]),
        strokeDash=alt.StrokeDash(
            "kind:N",
            title=None,
            scale=alt.Scale(domain=kinds, range=[[1, 0], [6, 3]]),
            legend=alt.Legend(orient="top"),
        ),
    )
    return alt.layer(
        mine.mark_area(opacity=0.15, color=BLUE).encode(y=_ctit(alt.Y, "least"), y2="most:Q"),
        mine.mark_area(opacity=0.3, color=BLUE).encode(y=_ctit(alt.Y, "low"), y2="high:Q"),
        medians,
    ).properties(width=340, height=230, title=actor)


def _blocks_by_week(steps: alt.Data, actor: str) -> alt.Chart:
    names = ["installs blocked", "installs that mimic"]
    return (
        alt.Chart(steps)
        .transform_filter(f"datum.actor == '{actor}'")
        .mark_line(strokeWidth=2, point=alt.OverlayMarkDef(size=36, filled=True))
        .encode(
            x=_weeks("week"),
            y=alt.Y(
                "share:Q",
                title="share of installs",
                axis=alt.Axis(format="%", tickCount=5),
                scale=alt.Scale(domain=[0, 1]),
            ),
            color=_colours("measure", names, [VERMILION, GREEN]),
            shape=_shapes("measure", names),
        )
        .properties(width=340, height=120)
    )


def _weeks(title: str | None) -> alt.X:
    return alt.X("week:Q", title=title, axis=alt.Axis(tickMinStep=1, grid=False))


def _ctit(channel: Any, column: str, ticks: dict[int, str] = CTIT_TICKS) -> Any:
    """An axis of CTIT on a logarithmic scale whose ticks people can read."""
    names = ", ".join(f"'{seconds}': '{name}'" for seconds, name in ticks.items())
    axis = alt.Axis(values=list(ticks), labelExpr=f"{{{names}}}[datum.value]")
    scale = alt.Scale(type="log", domain=CTIT_DOMAIN, nice=False, clamp=True)
    return channel(f"{column}:Q", scale=scale, axis=axis)


def _colours(column: str, names: list[str], colours: list[str], orient: Any = "top") -> alt.Color:
    return alt.Color(
        f"{column}:N",
        title=None,
        scale=alt.Scale(domain=names, range=colours),
        legend=alt.Legend(orient=orient),
    )


def _shapes(column: str, names: list[str], orient: Any = "top") -> alt.Shape:
    """Shapes beside colours, under one legend."""
    legend = alt.Legend(orient=orient)
    return alt.Shape(f"{column}:N", title=None, scale=alt.Scale(domain=names), legend=legend)


def _rows(table: pl.DataFrame) -> alt.Data:
    return alt.Data(values=table.to_dicts())


def _styled(chart: Any) -> Any:
    return (
        chart.configure(background="white", font="sans-serif", padding=12)
        .configure_axis(
            labelFontSize=11,
            titleFontSize=12,
            titleFontWeight="normal",
            gridColor="#E6E6E6",
            domainColor="#888888",
            tickColor="#888888",
        )
        .configure_axisY(minExtent=40)
        .configure_legend(labelFontSize=12, symbolSize=90, symbolStrokeWidth=2)
        .configure_title(fontSize=13, anchor="start")
        .configure_header(labelFontSize=12, labelFontWeight="bold")
        .configure_view(stroke=None)
    )


if __name__ == "__main__":
    main()
