"""Report rows: touches and installs as AppsFlyer writes them, every column text or null."""

from functools import cached_property

import numpy as np
import polars as pl

from simulator.catalogue import APPS, CARRIERS, COUNTRIES, MODELS, NETWORKS, PLATFORMS, SYSTEMS
from simulator.columns import COMMON_COLUMNS
from simulator.events import Events
from simulator.frames import MATCH_TYPES, MISSING
from simulator.people import is_ios
from simulator.publishers import Publishers
from simulator.randomness import Ints, Keys, below, mix, unit
from simulator.text import flag_text, ip_text, look_up, time_text, uuid_text
from simulator.verdicts import REASON_KEYS, REASONS
from simulator.world import World

LIMITED_TRACKING = (0.06, 0.62)  # Android, iOS: share of devices without an advertising id
REINSTALLS = 0.03
OTHER_STORES = ("com.huawei.appmarket", "com.heytap.market", "com.xiaomi.mipicks")

# Columns of the device and the address, taken from any frame that has them.
_APP_IDS = pl.Series([app.app_id for app in APPS])
_APP_NAMES = pl.Series([app.name for app in APPS])
_BUNDLES = pl.Series(
    [a.app_id if a.platform == 0 else f"com.{a.name.lower().replace(' ', '')}.ios" for a in APPS]
)
_APP_PLATFORMS = pl.Series([PLATFORMS[app.platform] for app in APPS])
_MIDDLE_EVENTS = [app.middle_event for app in APPS]
_APP_VERSIONS = ("4.18.0", "4.18.2", "4.19.1", "4.20.0")
_SDK_VERSIONS = ("v6.13.0", "v6.14.2", "v6.15.1", "v6.16.0")


def _column(values: list[str]) -> pl.Series:
    return pl.Series(values, dtype=pl.String)


class Renderer:
    """Turns planned rows of one world into report rows."""

    def __init__(self, world: World) -> None:
        self.world = world

    @cached_property
    def _campaigns(self) -> pl.Series:
        """Campaign by app and sub-publisher: each sub-publisher runs one of three per app."""
        goals = ("ua", "value", "broad")
        names = []
        for app in APPS:
            short = app.name.lower().replace(" ", "")
            for sub, network in enumerate(self.world.publishers.network):
                name = f"{short}_{goals[sub % 3]}_{NETWORKS[network][0].removesuffix('_int')}"
                names.append(
                    f"{short}_push_surge" if sub == self.world.publishers.push_sub else name
                )
        return pl.Series(names)

    def _campaign(self, app: Ints, sub: Ints) -> pl.Series:
        return look_up(self._campaigns, np.where(sub < 0, -1, app * len(self.publishers) + sub))

    @property
    def publishers(self) -> Publishers:
        """The world's publisher hierarchy."""
        return self.world.publishers

    def _source(self, sub: Ints) -> dict[str, pl.Series]:
        network = np.where(sub < 0, -1, self.publishers.network[sub])
        return {
            "media_source": look_up(_column([name for name, _, _ in NETWORKS]), network),
            "af_channel": look_up(_column([channel for _, _, channel in NETWORKS]), network),
            "af_siteid": look_up(_column(self.publishers.site_id), sub),
            "af_sub_siteid": look_up(_column(self.publishers.sub_id), sub),
        }

    def _campaign_columns(self, app: Ints, sub: Ints) -> dict[str, pl.Series]:
        campaign = self._campaign(app, sub)
        numbered = pl.Series(1_700_000 + app * 1_000 + below(900, sub % 3, 52)).cast(pl.String)
        attributed = pl.Series(sub >= 0)
        identifier = pl.select(pl.when(attributed).then(numbered)).to_series()
        return {"campaign": campaign, "af_c_id": identifier}

    def _device(self, rows: pl.DataFrame) -> dict[str, pl.Series]:
        device: Keys = rows["device"].to_numpy()
        app, model = rows["app"].to_numpy(), rows["model"].to_numpy()
        system, country = rows["system"].to_numpy(), rows["country"].to_numpy()
        ios = is_ios(device)
        limited = unit(device, self.world.seed, 61) < np.array(LIMITED_TRACKING)[ios.astype(int)]
        identifier = uuid_text(device, self.world.seed, 62)
        gaid, idfa = pl.Series(~ios & ~limited), pl.Series(ios & ~limited)
        carrier = look_up(_column([name for name, *_ in CARRIERS]), rows["carrier"].to_numpy())
        return {
            "region": pl.Series(["AS"] * len(rows), dtype=pl.String),
            "country_code": look_up(_column([code for code, _, _ in COUNTRIES]), country),
            "ip": ip_text(rows["ip"].to_numpy()),
            "wifi": flag_text(rows["wifi"].to_numpy()),
            "operator": carrier,
            "carrier": carrier,
            "language": look_up(_column([tongue for _, tongue, _ in COUNTRIES]), country),
            "advertising_id": pl.select(pl.when(gaid).then(identifier)).to_series(),
            "idfa": pl.select(pl.when(idfa).then(identifier.str.to_uppercase())).to_series(),
            "platform": look_up(_APP_PLATFORMS, app),
            "device_type": look_up(_column([f"{b}-{m}" for b, m, _ in MODELS]), model),
            "device_model": look_up(_column([f"{b}::{m}" for b, m, _ in MODELS]), model),
            "os_version": look_up(_column([version for version, _, _ in SYSTEMS]), system),
            "app_id": look_up(_APP_IDS, app),
            "app_name": look_up(_APP_NAMES, app),
            "bundle_id": look_up(_BUNDLES, app),
            "is_retargeting": flag_text(np.zeros(len(rows))),
            "is_lat": flag_text(limited),
        }

    def clicks(self, touches: pl.DataFrame) -> pl.DataFrame:
        """Rows of the `clicks` report."""
        app, sub = touches["app"].to_numpy(), touches["sub"].to_numpy()
        when = time_text(touches["click_ms"].to_numpy())
        columns = self._device(touches) | self._source(sub) | self._campaign_columns(app, sub)
        link = "https://app.appsflyer.com/" + columns["app_id"] + "?pid=" + columns["media_source"]
        columns |= {
            "attributed_touch_type": _column(["click"] * len(touches)),
            "attributed_touch_time": when,
            "event_time": when,
            "event_name": _column(["click"] * len(touches)),
            "user_agent": self._user_agents(touches, browser=True),
            "original_url": link + "&c=" + columns["campaign"],
        }
        return _complete(columns, len(touches))

    def installs(self, plan: pl.DataFrame) -> pl.DataFrame:
        """Rows of the `installs` report, in the plan's order."""
        app, sub = plan["app"].to_numpy(), plan["sub"].to_numpy()
        device, install_ms = plan["device"].to_numpy(), plan["install_ms"].to_numpy()
        attributed = sub >= 0
        number = np.arange(len(plan))
        when = time_text(install_ms)
        columns = self._device(plan) | self._source(sub) | self._campaign_columns(app, sub)
        columns |= self._contributors(plan) | self._cost(app, sub) | self._store(plan)
        ios = is_ios(device)
        idfv = uuid_text(device, app, self.world.seed, 63).str.to_uppercase()
        serial = 10**18 + (mix(number, self.world.seed, 64) % np.uint64(8 * 10**18)).astype(
            np.int64
        )
        columns |= {
            "attributed_touch_type": look_up(_column(["click"]), np.where(attributed, 0, -1)),
            "attributed_touch_time": time_text(plan["click_ms"].to_numpy()),
            "install_time": when,
            "event_time": when,
            "event_name": _column(["install"] * len(plan)),
            "event_source": _column(["SDK"] * len(plan)),
            "media_source": columns["media_source"].fill_null("organic"),
            "appsflyer_id": pl.Series(install_ms).cast(pl.String)
            + "-"
            + pl.Series(serial).cast(pl.String),
            "idfv": pl.select(pl.when(pl.Series(ios)).then(idfv)).to_series(),
            "app_version": look_up(_column(list(_APP_VERSIONS)), below(4, device, app, 65)),
            "sdk_version": look_up(_column(list(_SDK_VERSIONS)), app % 4),
            "af_attribution_lookback": look_up(_column(["7d"]), np.where(attributed, 0, -1)),
            "is_primary_attribution": flag_text(np.ones(len(plan))),
            "user_agent": self._user_agents(plan, browser=False),
        }
        return _complete(columns, len(plan))

    def events(
        self, events: Events, plan: pl.DataFrame, rendered: pl.DataFrame, rng: np.random.Generator
    ) -> pl.DataFrame:
        """Rows of the `in_app_events` report: the install's row with the event's own fields."""
        rows = rendered[events.install]
        app = plan["app"].to_numpy()[events.install]
        names = _column(["af_login", *_MIDDLE_EVENTS, "af_purchase"])
        which = np.select([events.kind == 0, events.kind == 1], [0, 1 + app], 1 + len(APPS))
        bought = pl.Series(events.price > 0)
        amount = pl.Series(events.price).round(2).cast(pl.String)
        order = uuid_text(events.install, events.event_ms, 66)
        detail = '{"af_revenue":"' + amount + '","af_order_id":"' + order + '"}'
        return rows.with_columns(
            event_time=time_text(events.event_ms),
            event_name=look_up(names, which),
            event_value=pl.when(bought).then(detail),
            event_revenue=pl.when(bought).then(amount),
            event_revenue_usd=pl.when(bought).then(amount),
            event_revenue_currency=pl.when(bought).then(pl.lit("USD")),
            ip=self._event_ips(events, plan, rng),
            af_cost_model=pl.lit(None, pl.String),
            af_cost_value=pl.lit(None, pl.String),
            af_cost_currency=pl.lit(None, pl.String),
        )

    def _event_ips(self, events: Events, plan: pl.DataFrame, rng: np.random.Generator) -> pl.Series:
        """People move between networks; a farm's rack stays where it is."""
        device = plan["device"].to_numpy()[events.install]
        moving = self.world.population.connect(rng, device, events.event_ms).ip
        scripted = plan["scripted"].to_numpy()[events.install]
        return ip_text(np.where(scripted, plan["ip"].to_numpy()[events.install], moving))

    def _contributors(self, plan: pl.DataFrame) -> dict[str, pl.Series]:
        app = plan["app"].to_numpy()
        columns: dict[str, pl.Series] = {}
        for number in (1, 2, 3):
            sub = plan[f"assist{number}_sub"].to_numpy()
            prefix = f"contributor{number}_"
            columns |= {
                prefix + "media_source": self._source(sub)["media_source"],
                prefix + "campaign": self._campaign(app, sub),
                prefix + "touch_type": look_up(_column(["click"]), np.where(sub < 0, -1, 0)),
                prefix + "touch_time": time_text(plan[f"assist{number}_ms"].to_numpy()),
            }
        return columns

    def _cost(self, app: Ints, sub: Ints) -> dict[str, pl.Series]:
        paid = np.where(sub < 0, -1, 0)
        payouts = _column([f"{a.payout:.2f}" for a in APPS])
        return {
            "af_cost_model": look_up(_column(["cpi"]), paid),
            "af_cost_value": look_up(payouts, np.where(sub < 0, -1, app)),
            "af_cost_currency": look_up(_column(["USD"]), paid),
        }

    def _store(self, plan: pl.DataFrame) -> dict[str, pl.Series]:
        device, begin = plan["device"].to_numpy(), plan["begin_ms"].to_numpy()
        app, install_ms = plan["app"].to_numpy(), plan["install_ms"].to_numpy()
        match = plan["match"].to_numpy()
        # The phone's own record of the download; a few phones have wrong clocks.
        skew = np.where(unit(device, 68) < 0.01, below(7_200_000, device, 69) - 3_600_000, 0)
        downloaded = install_ms - 1_000 - below(4_000, device, app, 70) + skew
        no_play = ~is_ios(device) & (begin == MISSING)
        stores = _column([*OTHER_STORES, "com.android.vending"])
        other = below(len(OTHER_STORES), device, 71)
        store = np.where(is_ios(device), -1, np.where(no_play, other, len(OTHER_STORES)))
        campaign = self._campaign(app, plan["sub"].to_numpy())
        by_referrer = pl.Series(plan["gp_click_ms"].to_numpy() != MISSING)
        return {
            "gp_click_time": time_text(plan["gp_click_ms"].to_numpy()),
            "gp_install_begin": time_text(begin),
            "gp_referrer": pl.select(
                pl.when(by_referrer).then("af_tranid=" + pl.lit(campaign))
            ).to_series(),
            "device_download_time": time_text(downloaded),
            "match_type": look_up(_column(list(MATCH_TYPES)), match),
            "store_reinstall": flag_text(unit(device, app, 72) < REINSTALLS),
            "install_app_store": look_up(stores, store),
        }

    def _user_agents(self, rows: pl.DataFrame, browser: bool) -> pl.Series:
        """Agent of the browser that clicked, or of the app itself, by system and model."""
        names = []
        for version, platform, _ in SYSTEMS:
            for _, model, _ in MODELS:
                names.append(_user_agent(version, platform, model, browser))
        code = rows["system"].to_numpy() * len(MODELS) + rows["model"].to_numpy()
        return look_up(_column(names), code)


def _user_agent(version: str, platform: int, model: str, browser: bool) -> str:
    if platform == 0:
        if not browser:
            return f"Dalvik/2.1.0 (Linux; U; Android {version}; {model})"
        return (
            f"Mozilla/5.0 (Linux; Android {version}; {model}) AppleWebKit/537.36 "
            "(KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36"
        )
    if not browser:
        return f"App/4.20.0 CFNetwork/1568.300.101 Darwin/24.2.0 iOS/{version}"
    underscored = version.replace(".", "_")
    return (
        f"Mozilla/5.0 (iPhone; CPU iPhone OS {underscored} like Mac OS X) AppleWebKit/605.1.15 "
        "(KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1"
    )


def with_reason(rows: pl.DataFrame, reason: Ints, prefix: str) -> pl.DataFrame:
    """Add `<prefix>_reason` and `<prefix>_sub_reason` from indexes into `REASON_KEYS`."""
    main = _column([REASONS[key][0] for key in REASON_KEYS])
    detail = _column([REASONS[key][1] for key in REASON_KEYS])
    return rows.with_columns(
        look_up(main, reason).alias(f"{prefix}_reason"),
        look_up(detail, reason).alias(f"{prefix}_sub_reason"),
    )


def _complete(columns: dict[str, pl.Series], height: int) -> pl.DataFrame:
    """Put columns in report order; those the world does not know are null."""
    absent = pl.Series([None], dtype=pl.String).new_from_index(0, height)
    return pl.DataFrame({name: columns.get(name, absent) for name in COMMON_COLUMNS})
