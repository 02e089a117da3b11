"""Fixed names of the world: apps, networks, handsets, systems, countries, carriers.

One region (South-East Asia, UTC+7 to UTC+8), so that one daily cycle fits everybody. Apps and
networks are invented; handsets and carriers are common ones, because farms hide among them.
"""

from dataclasses import dataclass

ANDROID, IOS = 0, 1
PLATFORMS = ("android", "ios")


@dataclass(frozen=True)
class App:
    """An advertised app.

    `size_mb` stretches its click-to-install time; `day_one` and `decay` are its retention power
    law, active share = day_one · day^-decay; `purchase` is the chance of a purchase on an active
    day; `payout` what an install costs, in USD.
    """

    app_id: str
    name: str
    platform: int
    volume: float
    size_mb: float
    conversion: float
    day_one: float
    decay: float
    purchase: float
    payout: float
    middle_event: str


APPS = (
    App("com.kopikan.merge", "Kopi Merge", ANDROID, 0.34, 140, 1.0, 0.42, 0.62, 0.02, 0.6,
        "af_level_achieved"),
    App("com.pasarku.shop", "PasarKu", ANDROID, 0.22, 60, 0.9, 0.35, 0.50, 0.06, 1.1,
        "af_add_to_cart"),
    App("com.dompetlite.wallet", "Dompet Lite", ANDROID, 0.14, 35, 0.7, 0.48, 0.42, 0.05, 2.4,
        "af_content_view"),
    App("com.ringgold.saga", "Ring of Gold", ANDROID, 0.10, 1900, 0.8, 0.38, 0.70, 0.04, 1.8,
        "af_level_achieved"),
    App("id6471120311", "PasarKu", IOS, 0.08, 90, 1.1, 0.37, 0.50, 0.08, 2.2, "af_add_to_cart"),
    App("com.siarlive.stream", "Siar Live", ANDROID, 0.06, 75, 0.8, 0.33, 0.66, 0.03, 0.9,
        "af_content_view"),
    App("id6468802954", "Kopi Merge", IOS, 0.04, 210, 1.2, 0.44, 0.60, 0.03, 1.5,
        "af_level_achieved"),
    App("com.jalanjauh.trips", "Jalan Jauh", ANDROID, 0.02, 50, 0.6, 0.22, 0.80, 0.02, 1.6,
        "af_content_view"),
)  # fmt: skip

# Media source (as `pid`), share of clicks, channel.
NETWORKS = (
    ("clickharbor_int", 0.34, "display"),
    ("nusaads_int", 0.22, "video"),
    ("mangomob_int", 0.16, "display"),
    ("tapriver_int", 0.13, "native"),
    ("pushwave_int", 0.09, "push"),
    ("orbitreach_int", 0.06, "rewarded"),
)
PUSH_NETWORK = 4

# Brand, model code, platform. Popularity follows Zipf's law in this order, per platform.
MODELS = (
    ("samsung", "SM-A155F", ANDROID), ("OPPO", "CPH2477", ANDROID), ("vivo", "V2206", ANDROID),
    ("samsung", "SM-A057F", ANDROID), ("Xiaomi", "23028RN4DG", ANDROID),
    ("Redmi", "2201117TG", ANDROID), ("realme", "RMX3834", ANDROID), ("Infinix", "X6525", ANDROID),
    ("OPPO", "CPH2591", ANDROID), ("samsung", "SM-A346E", ANDROID), ("vivo", "V2310", ANDROID),
    ("POCO", "22111317PG", ANDROID), ("TECNO", "BG6", ANDROID), ("realme", "RMX3760", ANDROID),
    ("samsung", "SM-G991B", ANDROID), ("Xiaomi", "2201116SG", ANDROID),
    ("vivo", "V2111", ANDROID), ("HUAWEI", "MAR-LX2", ANDROID), ("OPPO", "CPH2269", ANDROID),
    ("samsung", "SM-S928B", ANDROID), ("itel", "A665L", ANDROID), ("HONOR", "CRT-NX1", ANDROID),
    ("asus", "AI2201_F", ANDROID), ("samsung", "SM-J730G", ANDROID), ("Nokia", "TA-1488", ANDROID),
    ("Apple", "iPhone14,5", IOS), ("Apple", "iPhone12,1", IOS), ("Apple", "iPhone15,4", IOS),
    ("Apple", "iPhone13,2", IOS), ("Apple", "iPhone16,2", IOS), ("Apple", "iPhone11,8", IOS),
    ("Apple", "iPhone17,1", IOS), ("Apple", "iPhone10,5", IOS), ("Apple", "iPad13,18", IOS),
)  # fmt: skip

# Version, platform, share of the platform's devices.
SYSTEMS = (
    ("9", ANDROID, 0.05), ("10", ANDROID, 0.10), ("11", ANDROID, 0.16), ("12", ANDROID, 0.18),
    ("13", ANDROID, 0.24), ("14", ANDROID, 0.20), ("15", ANDROID, 0.07),
    ("15.8.3", IOS, 0.06), ("16.7.10", IOS, 0.13), ("17.5.1", IOS, 0.21), ("17.6.1", IOS, 0.18),
    ("18.1.1", IOS, 0.24), ("18.3.2", IOS, 0.18),
)  # fmt: skip

# Country, language, share of users.
COUNTRIES = (
    ("ID", "id", 0.46), ("VN", "vi", 0.18), ("TH", "th", 0.16), ("PH", "en", 0.13),
    ("MY", "ms", 0.07),
)  # fmt: skip

# Carrier, country index, share of the country's users, addresses in its NAT pool. The first is
# the busy honest pool: many users behind four addresses.
CARRIERS = (
    ("Smartfren", 0, 0.12, 4), ("Telkomsel", 0, 0.50, 700), ("Indosat Ooredoo", 0, 0.38, 400),
    ("Viettel", 1, 0.60, 300), ("Mobifone", 1, 0.40, 200),
    ("AIS", 2, 0.55, 250), ("TrueMove H", 2, 0.45, 200),
    ("Globe", 3, 0.50, 180), ("SMART", 3, 0.50, 180),
    ("Maxis", 4, 1.00, 150),
)  # fmt: skip
