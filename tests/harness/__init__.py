"""Real parts for the tests: PostgreSQL, the simulator's process, the product on a real port."""
