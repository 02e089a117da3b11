{# An address as IPv6, IPv4 mapped into it (`::ffff:a.b.c.d`), without its link; NULL where the text is none. #}
{% macro address(ip) -%}
    coalesce(
        toIPv6OrNull(substringIndex({{ trimmed(ip) }}, '%', 1)), IPv4ToIPv6(toIPv4OrNull({{ trimmed(ip) }}))
    )
{%- endmacro %}

{#
    The one spelling of an address: IPv4 in dots however it stood, IPv6 as RFC 5952 has it. NULL for one
    that belongs to nobody: unspecified, loopback, link-local.
#}
{% macro spelled(address) -%}
    {%- set bytes = "reinterpretAsFixedString(assumeNotNull(" ~ address ~ "))" -%}
    {%- set ipv4 = "reinterpretAsUInt32(reverse(substring(" ~ bytes ~ ", 13, 4)))" -%}
    multiIf(
        {{ address }} is null or {{ address }} in (toIPv6('::'), toIPv6('::1')),
        null,
        {{ is_ipv4_within(bytes) }},
        if(
            {{ ipv4 }} = 0
            or {{ ipv4 }} between toUInt32(toIPv4('127.0.0.0')) and toUInt32(toIPv4('127.255.255.255'))
            or {{ ipv4 }} between toUInt32(toIPv4('169.254.0.0')) and toUInt32(toIPv4('169.254.255.255')),
            null,
            IPv4NumToString({{ ipv4 }})
        ),
        {{ address }} between toIPv6('fe80::') and toIPv6('febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff'),
        null,
        IPv6NumToString(assumeNotNull({{ address }}))
    )
{%- endmacro %}

{#
    Whether the 16 bytes of an IPv6 address hold one of IPv4: mapped, compatible (RFC 4291), translated
    (RFC 2765) or of NAT64 (RFC 6052). As IPv6 all of them would share one network.
#}
{% macro is_ipv4_within(bytes) -%}
    substring({{ bytes }}, 1, 12) in (
        unhex('00000000000000000000FFFF'),
        unhex('000000000000000000000000'),
        unhex('0000000000000000FFFF0000'),
        unhex('0064FF9B0000000000000000')
    )
{%- endmacro %}

{# Network of a spelled address as text: /24 of IPv4, /48 of IPv6; NULL where there is none. #}
{% macro subnet(spelled) -%}
    multiIf(
        {{ spelled }} is null,
        null,
        toIPv4OrNull({{ spelled }}) is not null,
        IPv4NumToString(bitAnd(toUInt32(assumeNotNull(toIPv4OrDefault({{ spelled }}))), 4294967040)) || '/24',
        IPv6NumToString(
            toFixedString(
                substring(reinterpretAsFixedString(toIPv6OrDefault({{ spelled }})), 1, 6) || repeat('\0', 10),
                16
            )
        )
        || '/48'
    )
{%- endmacro %}
