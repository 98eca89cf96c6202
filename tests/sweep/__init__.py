"""The fault sweep: a SIGKILL before and after every commit and upstream call of a whole road."""
