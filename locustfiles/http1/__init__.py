"""HTTP/1.1 under gevent. A request as bytes comes in; an `outcome.Exchange` goes out. Nothing is ever sent twice.

target       where requests go: host, port, path, TLS
outcome      how a request ended: where ACKNOWLEDGED, REFUSED or INDETERMINATE is decided
pool         kept connections; any number of requests at once
connection   one kept connection: send, read the answer
sockets      bytes over a plain socket, or inside TLS
deadlines    deadlines for many requests at once
"""
