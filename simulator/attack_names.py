"""What scenarios call the attacks; codes in planned frames are places here: add at the end."""

NAMES = (
    "click_flooding",
    "click_injection",
    "install_hijacking",
    "sdk_spoofing",
    "device_farm",
    "emulator_bots",
    "smart_bots",
    "mixed_traffic",
    "ad_stacking",
    "event_fraud",
)
