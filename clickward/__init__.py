"""clickward: a feature store and models against mobile ad fraud, on ClickHouse.

The packages here are the folders beside this one: `clickward.warehouse` is `warehouse/`.
"""
