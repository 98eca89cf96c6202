"""The deterministic fault simulator: from one seed a whole market day with everything that breaks.

One process, one thread, one virtual clock. The product is the real one over a real PostgreSQL, the
wallets are the real simulator, met at its WSGI door with the bytes that HTTP would carry; only
time, chance and the order of things belong to the seed. Whatever may happen at the same time in
the world happens here inside of one another: while a call is on its way no transaction is open, so
anything else may run there.
"""
