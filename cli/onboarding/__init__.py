"""`flask provider|merchant|store|code …`: putting real accounts in place without a console."""

from cli.onboarding import callback as _callback  # noqa: F401  # adds its commands to `provider`
from cli.onboarding.merchant import merchant
from cli.onboarding.provider import provider
from cli.onboarding.store import code, store

COMMANDS = (provider, merchant, store, code)
