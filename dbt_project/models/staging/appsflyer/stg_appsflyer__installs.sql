{{ appsflyer_installs(source("appsflyer", "appsflyer__installs"), is_blocked=false) }}
