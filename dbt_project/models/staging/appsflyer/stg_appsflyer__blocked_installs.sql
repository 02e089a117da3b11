{{ appsflyer_installs(source("appsflyer", "appsflyer__blocked_installs"), is_blocked=true) }}
