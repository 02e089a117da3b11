"""The world on paper: AppsFlyer's raw-data reports in Data Locker's layout."""
