"""Use cases: what takes `session` never commits; what takes `deps` owns its units of work."""
