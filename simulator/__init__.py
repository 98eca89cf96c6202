"""The upstreams' stand-in: a separate WSGI app that imports nothing of the product."""
