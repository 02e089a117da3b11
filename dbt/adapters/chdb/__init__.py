from dbt.adapters.base import AdapterPlugin

from dbt.adapters.chdb.credentials import ChDBCredentials
from dbt.adapters.chdb.impl import ChDBAdapter
from dbt.include import chdb

Plugin = AdapterPlugin(
    adapter=ChDBAdapter,
    credentials=ChDBCredentials,
    include_path=chdb.PACKAGE_PATH,
    dependencies=["clickhouse"],
)
