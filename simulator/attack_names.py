"""What scenarios call the attacks, and the class of each, in `attacks/` in the module of that name.

A new attack is a module there and a line at the end here: codes in planned frames are places here.
"""

CLASSES = {
    "click_flooding": "ClickFlooding",
    "click_injection": "ClickInjection",
    "install_hijacking": "InstallHijacking",
    "sdk_spoofing": "SdkSpoofing",
    "device_farm": "DeviceFarm",
    "emulator_bots": "EmulatorBots",
    "smart_bots": "SmartBots",
    "mixed_traffic": "MixedTraffic",
    "ad_stacking": "AdStacking",
    "event_fraud": "EventFraud",
}
NAMES = tuple(CLASSES)
