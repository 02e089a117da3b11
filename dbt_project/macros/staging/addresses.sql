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
    {%- set nobodys = [
        ("::", "::1"),
        ("::ffff:0.0.0.0", "::ffff:0.0.0.0"),
        ("::ffff:127.0.0.0", "::ffff:127.255.255.255"),
        ("::ffff:169.254.0.0", "::ffff:169.254.255.255"),
        ("fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ] -%}
    multiIf(
        {{ address }} is null,
        null,
        {% for first, last in nobodys -%}
            {{ address }} between toIPv6('{{ first }}') and toIPv6('{{ last }}'), null,
        {% endfor -%}
        {{ address }} between toIPv6('::ffff:0.0.0.0') and toIPv6('::ffff:255.255.255.255'),
        substring(IPv6NumToString(assumeNotNull({{ address }})), 8),
        IPv6NumToString(assumeNotNull({{ address }}))
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
