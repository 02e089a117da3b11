"""ClickHouse's HTTP protocol on an embedded store.

The front (`app`, `requests`, `compression`, `users`, `fleet`) speaks HTTP and never opens the
store. A worker process (`worker`, `exchange`, `sessions`, `engine`) holds it and answers one query
for each connection on a local socket, in the frames of `frames`. A new publication is a new
worker: the port stays, and no query sees two.
"""
