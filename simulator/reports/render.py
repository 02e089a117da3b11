"""Report rows: clicks and installs as AppsFlyer writes them, every column text or null."""

from functools import cached_property

import numpy as np
import polars as pl
import pyarrow as pa

from clickward.simulator.randomness import Ints, Keys, below, mix, unit
from clickward.simulator.reports.text import (
    absent,
    constant,
    flag_text,
    ip_text,
    look_up,
    time_text,
    uuid_text,
)
from clickward.simulator.world.catalogue import (
    CARRIERS,
    COUNTRIES,
    MODELS,
    NETWORKS,
    PLATFORMS,
    PUSH_NETWORK,
)
from clickward.simulator.world.frames import MATCH_TYPES, MISSING
from clickward.simulator.world.people import is_ios
from clickward.simulator.world.releases import SYSTEMS
from clickward.simulator.world.world import World

LIMITED_TRACKING = (0.06, 0.62)  # Android, iOS: share of devices without an advertising id
REINSTALLS = 0.03
OTHER_STORES = ("com.huawei.appmarket", "com.heytap.market", "com.xiaomi.mipicks")
PLAY_STORE = "com.android.vending"
SDKS = ("v6.12.4", "v6.13.0", "v6.14.2", "v6.15.1", "v6.16.0", "v6.16.2", "v6.17.0", "v6.17.3")
UNSHIPPED_SDKS = ("v6.14.9", "v5.99.0", "v6.19.1", "v4.8.20")
GOALS = ("ua", "value", "broad")

Columns = dict[str, pa.Array]


def _names(values: list[str]) -> pa.Array:
    return pa.array(values, pa.string())


_COUNTRY_NAMES = _names([code for code, *_ in COUNTRIES])
_LANGUAGES = _names([language for _, language, *_ in COUNTRIES])
_CARRIER_NAMES = _names([name for name, *_ in CARRIERS])
_MODEL_NAMES = _names([f"{brand}::{model}" for brand, model, _ in MODELS])
_DEVICE_TYPES = _names([f"{brand}-{model}" for brand, model, _ in MODELS])
_SYSTEM_NAMES = _names([system.version for system in SYSTEMS])
_SDK_NAMES = _names([*SDKS, *UNSHIPPED_SDKS])
_STORES = _names([*OTHER_STORES, PLAY_STORE])
_MATCHES = _names(list(MATCH_TYPES))


class Renderer:
    """Turns planned rows of one world into columns of its reports."""

    def __init__(self, world: World) -> None:
        self.world = world

    def clicks(self, touches: pl.DataFrame) -> Columns:
        """Columns of the `clicks` report."""
        count = len(touches)
        app, sub = touches["app"].to_numpy(), touches["sub"].to_numpy()
        when = time_text(touches["click_ms"].to_numpy())
        return {
            **self.device(touches),
            **self._source(sub, app),
            "attributed_touch_type": constant("click", count),
            "attributed_touch_time": when,
            "event_time": when,
            "event_name": constant("click", count),
            "user_agent": _user_agents(touches, browser=True),
            "original_url": look_up(self._links, self._campaign_code(app, sub)),
        }

    def installs(self, plan: pl.DataFrame) -> Columns:
        """Columns of the `installs` report."""
        count = len(plan)
        app, sub = plan["app"].to_numpy(), plan["sub"].to_numpy()
        device, install_ms = plan["device"].to_numpy(), plan["install_ms"].to_numpy()
        paid = np.where(sub >= 0, 0, -1)
        when = time_text(install_ms)
        serial = 10**18 + (plan["serial"].to_numpy() % np.uint64(8 * 10**18)).astype(np.int64)
        appsflyer_id = (
            pl.Series(install_ms).cast(pl.String) + "-" + pl.Series(serial).cast(pl.String)
        )
        ios = is_ios(device)
        return {
            **self.device(plan),
            **self._source(sub, app),
            **self._contributors(plan),
            **self._store(plan),
            "media_source": look_up(_names(["organic", *_NETWORK_NAMES]), self._network(sub) + 1),
            "attributed_touch_type": look_up(_names(["click"]), paid),
            "attributed_touch_time": time_text(plan["click_ms"].to_numpy()),
            "install_time": when,
            "event_time": when,
            "event_name": constant("install", count),
            "event_source": constant("SDK", count),
            "af_cost_model": look_up(_names(["cpi"]), paid),
            "af_cost_value": look_up(
                _names([f"{payout:.2f}" for payout in self.world.apps.payout]),
                np.where(sub < 0, -1, app),
            ),
            "af_cost_currency": look_up(_names(["USD"]), paid),
            "appsflyer_id": appsflyer_id.to_arrow().cast(pa.string()),
            "idfv": uuid_text(device, app, self.world.seed, 63, missing=~ios, upper=True),
            **self._versions(plan),
            "af_attribution_lookback": look_up(_names(["7d"]), paid),
            "is_primary_attribution": flag_text(np.ones(count)),
            "user_agent": _user_agents(plan, browser=False),
        }

    def device(self, rows: pl.DataFrame) -> Columns:
        """Columns of the device and the address, of any frame that has them."""
        device: Keys = rows["device"].to_numpy()
        app, model = rows["app"].to_numpy(), rows["model"].to_numpy()
        country, carrier = rows["country"].to_numpy(), rows["carrier"].to_numpy()
        ios = is_ios(device)
        bare = (
            rows["is_bare"].to_numpy() if "is_bare" in rows.columns else np.zeros(len(rows), bool)
        )
        limited = unit(device, self.world.seed, 61) < np.array(LIMITED_TRACKING)[ios.astype(int)]
        told = np.where(bare, -1, carrier)
        return {
            "region": constant("AS", len(rows)),
            "country_code": look_up(_COUNTRY_NAMES, country),
            "ip": ip_text(rows["ip"].to_numpy()),
            "wifi": flag_text(rows["wifi"].to_numpy()),
            "operator": look_up(_CARRIER_NAMES, told),
            "carrier": look_up(_CARRIER_NAMES, told),
            "language": look_up(_LANGUAGES, np.where(bare, -1, country)),
            "advertising_id": uuid_text(device, self.world.seed, 62, missing=ios | limited),
            "idfa": uuid_text(device, self.world.seed, 62, missing=~ios | limited, upper=True),
            "platform": look_up(_names(list(PLATFORMS)), self.world.apps.platform[app]),
            "device_type": look_up(_DEVICE_TYPES, np.where(bare, -1, model)),
            "device_model": look_up(_MODEL_NAMES, np.where(bare, -1, model)),
            "os_version": look_up(_SYSTEM_NAMES, rows["system"].to_numpy()),
            "app_id": look_up(_names(self.world.apps.app_id), app),
            "app_name": look_up(_names(self.world.apps.name), app),
            "bundle_id": look_up(_names(self.world.apps.bundle), app),
            "is_retargeting": flag_text(np.zeros(len(rows))),
            "is_lat": flag_text(limited),
        }

    def _network(self, sub: Ints) -> Ints:
        return np.where(sub < 0, -1, self.world.publishers.network[sub])

    def _source(self, sub: Ints, app: Ints) -> Columns:
        network = self._network(sub)
        code = self._campaign_code(app, sub)
        return {
            "media_source": look_up(_names(list(_NETWORK_NAMES)), network),
            "af_channel": look_up(_names([channel for *_, channel in NETWORKS]), network),
            "af_siteid": look_up(_names(self.world.publishers.site_id), sub),
            "af_sub_siteid": look_up(_names(self.world.publishers.sub_id), sub),
            "campaign": look_up(self._campaigns, code),
            "af_c_id": look_up(self._campaign_ids, code),
        }

    def _campaign_code(self, app: Ints, sub: Ints) -> Ints:
        """Campaign by app, network and goal: each sub-publisher runs one of three goals."""
        code = (app * len(NETWORKS) + self._network(sub)) * len(GOALS) + sub % len(GOALS)
        return np.where(sub < 0, -1, code)

    @cached_property
    def _campaign_parts(self) -> list[tuple[int, int, int, str]]:
        return [
            (
                app,
                network,
                goal,
                f"{name.lower()}_{_goal(network, goal)}_{source}".removesuffix("_int"),
            )
            for app, name in enumerate(self.world.apps.name)
            for network, source in enumerate(_NETWORK_NAMES)
            for goal in range(len(GOALS))
        ]

    @cached_property
    def _campaigns(self) -> pa.Array:
        return _names([name for *_, name in self._campaign_parts])

    @cached_property
    def _campaign_ids(self) -> pa.Array:
        return _names(
            [
                str(1_700_000 + 1_000 * app + 10 * network + goal)
                for app, network, goal, _ in self._campaign_parts
            ]
        )

    @cached_property
    def _links(self) -> pa.Array:
        apps = self.world.apps.app_id
        return _names(
            [
                f"https://app.appsflyer.com/{apps[app]}?pid={_NETWORK_NAMES[network]}&c={name}"
                for app, network, _, name in self._campaign_parts
            ]
        )

    def _contributors(self, plan: pl.DataFrame) -> Columns:
        app = plan["app"].to_numpy()
        columns: Columns = {}
        candidates = (plan["sub"].to_numpy() >= 0).astype(np.int64)
        for number in (1, 2, 3):
            sub = plan[f"assist{number}_sub"].to_numpy()
            source, prefix = self._source(sub, app), f"contributor{number}_"
            candidates += sub >= 0
            columns |= {
                prefix + "media_source": source["media_source"],
                prefix + "campaign": source["campaign"],
                prefix + "touch_type": look_up(_names(["click"]), np.where(sub < 0, -1, 0)),
                prefix + "touch_time": time_text(plan[f"assist{number}_ms"].to_numpy()),
            }
        columns["total_candidates"] = look_up(_names(list("01234")), candidates)
        return columns

    def _versions(self, plan: pl.DataFrame) -> Columns:
        """The app's release of the day, or the one before; its SDK changes every third release."""
        app, device = plan["app"].to_numpy(), plan["device"].to_numpy()
        release = self.world.apps.release(app, plan["install_ms"].to_numpy())
        release = release - (unit(device, app, 65) < 0.1)
        shipped = (release // 3 + app) % len(SDKS)
        sdk = np.where(
            plan["sdk"].to_numpy() == MISSING, shipped, len(SDKS) + plan["sdk"].to_numpy()
        )
        minor, patch = np.divmod(release % 60, 3)
        versions = _names([f"4.{number // 3}.{number % 3}" for number in range(60)])
        return {
            "app_version": look_up(versions, minor * 3 + patch),
            "sdk_version": look_up(_SDK_NAMES, sdk),
        }

    def _store(self, plan: pl.DataFrame) -> Columns:
        device, begin = plan["device"].to_numpy(), plan["begin_ms"].to_numpy()
        app, install_ms = plan["app"].to_numpy(), plan["install_ms"].to_numpy()
        # The phone's own record of the download; some phones have wrong clocks.
        wrong = unit(device, 68) < self.world.scenario.hard_negatives.broken_clocks
        skew = np.where(wrong, below(7_200_000, device, 69) - 3_600_000, 0)
        downloaded = install_ms - 1_000 - below(4_000, device, app, 70) + skew
        bare = plan["is_bare"].to_numpy()
        ios = is_ios(device)
        other = below(len(OTHER_STORES), device, 71)
        store = np.where(ios, -1, np.where(begin == MISSING, other, len(OTHER_STORES)))
        named = np.where(plan["referrer_sub"].to_numpy() < 0, plan["sub"], plan["referrer_sub"])
        told = plan["gp_click_ms"].to_numpy() != MISSING
        campaign = look_up(
            _names([f"af_tranid={name}" for *_, name in self._campaign_parts]),
            np.where(told, self._campaign_code(app, named), -1),
        )
        return {
            "gp_click_time": time_text(plan["gp_click_ms"].to_numpy()),
            "gp_install_begin": time_text(begin),
            "gp_referrer": campaign,
            "device_download_time": time_text(np.where(bare, MISSING, downloaded)),
            "match_type": look_up(_MATCHES, plan["match"].to_numpy()),
            "store_reinstall": flag_text(unit(device, app, 72) < REINSTALLS),
            "install_app_store": look_up(_STORES, np.where(bare, -1, store)),
        }


_NETWORK_NAMES = tuple(name for name, *_ in NETWORKS)


def _goal(network: int, goal: int) -> str:
    return "surge" if network == PUSH_NETWORK and goal == 0 else GOALS[goal]


def _agent(version: str, platform: int, model: str, browser: bool) -> str:
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


_AGENTS = {
    browser: _names(
        [
            _agent(system.version, system.platform, model, browser)
            for system in SYSTEMS
            for _, model, _ in MODELS
        ]
    )
    for browser in (True, False)
}


def _user_agents(rows: pl.DataFrame, browser: bool) -> pa.Array:
    """Agent of the browser that clicked, or of the app itself, by system and model."""
    code = rows["system"].to_numpy() * len(MODELS) + rows["model"].to_numpy()
    return look_up(_AGENTS[browser], code)


def serials(seed: int, numbers: Ints) -> Keys:
    """The part of an AppsFlyer id that is not a time: one per install of the world."""
    return mix(numbers, seed, 64)


def take(columns: Columns, rows: Ints) -> Columns:
    """Some rows of columns."""
    place = pa.array(rows)
    return {name: values.take(place) for name, values in columns.items()}


def blanks(count: int, names: tuple[str, ...]) -> Columns:
    """Columns that say nothing."""
    return {name: absent(count) for name in names}
