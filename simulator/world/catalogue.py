"""Fixed names of the world: networks, handsets, countries, carriers.

Networks and apps are invented; handsets and carriers are common ones, because farms hide among
them. Most people live in South-East Asia; a tenth elsewhere, where the day has other hours.
"""

ANDROID, IOS = 0, 1
PLATFORMS = ("android", "ios")

# Media source (as `pid`), share of clicks, channel.
NETWORKS = (
    ("clickharbor_int", 0.32, "display"),
    ("nusaads_int", 0.22, "video"),
    ("mangomob_int", 0.16, "display"),
    ("tapriver_int", 0.13, "native"),
    ("pushwave_int", 0.09, "push"),
    ("orbitreach_int", 0.08, "rewarded"),
)
PUSH_NETWORK, REWARDED_NETWORK = 4, 5

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

# Country, language, hours ahead of UTC, share of clicks.
COUNTRIES = (
    ("ID", "id", 7.0, 0.42), ("VN", "vi", 7.0, 0.16), ("TH", "th", 7.0, 0.14),
    ("PH", "en", 8.0, 0.12), ("MY", "ms", 8.0, 0.06), ("IN", "hi", 5.5, 0.07),
    ("BR", "pt", -3.0, 0.03),
)  # fmt: skip

# Carrier, country index, share of the country's users.
CARRIERS = (
    ("Smartfren", 0, 0.12), ("Telkomsel", 0, 0.50), ("Indosat Ooredoo", 0, 0.38),
    ("Viettel", 1, 0.60), ("Mobifone", 1, 0.40),
    ("AIS", 2, 0.55), ("TrueMove H", 2, 0.45),
    ("Globe", 3, 0.50), ("SMART", 3, 0.50),
    ("Maxis", 4, 1.00),
    ("Jio", 5, 0.60), ("airtel", 5, 0.40),
    ("Vivo", 6, 1.00),
)  # fmt: skip

# Kind of app, its middle event, size in MB (median), day-1 retention, decay, purchase chance,
# payout in USD (median).
KINDS = (
    ("puzzle", "af_level_achieved", 140, 0.42, 0.62, 0.02, 0.6),
    ("shop", "af_add_to_cart", 60, 0.35, 0.50, 0.06, 1.1),
    ("wallet", "af_content_view", 35, 0.48, 0.42, 0.05, 2.4),
    ("saga", "af_level_achieved", 1_500, 0.38, 0.70, 0.04, 1.8),
    ("stream", "af_content_view", 75, 0.33, 0.66, 0.03, 0.9),
    ("trips", "af_content_view", 50, 0.22, 0.80, 0.02, 1.6),
)
