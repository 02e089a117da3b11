"""What a world is made of: typed parameters with defaults, no behaviour."""

from dataclasses import dataclass, field

SECOND_MS = 1_000
HOUR_MS = 3_600 * SECOND_MS
DAY_MS = 24 * HOUR_MS
LOOKBACK_DAYS = 7


@dataclass(frozen=True)
class AttackSettings:
    """One actor and what it does.

    Shares are fractions: `install_share` of all installs in the world, `disguised_share` of the
    actor's installs that copy honest traffic, `start_share` and `ramp_share` of the span in days.
    """

    attack: str
    actor: str
    install_share: float
    clicks_per_install: float
    start_share: float
    ramp_share: float
    sub_publishers: int
    disguised_share: float


@dataclass(frozen=True)
class VerdictSettings:
    """How well the observed verdicts know the hidden truth.

    `recall` is the share of an attack's installs that ever get a verdict; `blocked_share` the
    share of those verdicts given at install time; a disguised install is caught
    `disguised_odds` times as often as another of the same attack.
    """

    recall: dict[str, float] = field(
        default_factory=lambda: {
            "click_flooding": 0.60,
            "click_injection": 0.75,
            "device_farm": 0.50,
        }
    )
    blocked_share: dict[str, float] = field(
        default_factory=lambda: {
            "click_flooding": 0.30,
            "click_injection": 0.45,
            "device_farm": 0.35,
            "honest": 0.35,
        }
    )
    false_positive_rate: float = 0.003
    wrong_reason_share: float = 0.05
    disguised_odds: float = 0.4
    longest_delay_days: int = 7


DEFAULT_ATTACKS = (
    AttackSettings("click_flooding", "flood_ring_a", 0.055, 85.0, 0.00, 0.15, 10, 0.10),
    AttackSettings("click_flooding", "flood_ring_b", 0.030, 85.0, 0.35, 0.20, 8, 0.20),
    AttackSettings("click_injection", "injector_a", 0.065, 16.0, 0.05, 0.20, 10, 0.20),
    AttackSettings("device_farm", "farm_a", 0.030, 13.0, 0.00, 0.10, 5, 0.15),
    AttackSettings("device_farm", "farm_b", 0.025, 13.0, 0.50, 0.10, 5, 0.25),
)


@dataclass(frozen=True)
class Scenario:
    """A world's parameters.

    `installs_per_click` is far above the wild (public click data: 0.227 % convert): the reports
    hold a sample of clicks thinned towards those that convert, so that a small world has
    installs enough to learn from. Conversion rates compare between publishers of one world,
    not with a real one. Late shares are fractions of rows that arrive one or two days late.
    """

    attacks: tuple[AttackSettings, ...] = DEFAULT_ATTACKS
    verdicts: VerdictSettings = field(default_factory=VerdictSettings)
    installs_per_click: float = 0.042
    organic_share: float = 0.20
    users_per_click: float = 0.7
    hourly_peak_to_trough: float = 8.6
    local_hours_ahead_of_utc: int = 7
    push_campaign_share: float = 0.02
    late_share: dict[str, float] = field(
        default_factory=lambda: {"clicks": 0.003, "installs": 0.006, "in_app_events": 0.02}
    )
    duplicate_share: dict[str, float] = field(
        default_factory=lambda: {"installs": 0.004, "in_app_events": 0.002}
    )

    @property
    def fraud_share(self) -> float:
        """Fraudulent installs as a share of all installs."""
        return sum(attack.install_share for attack in self.attacks)
