"""The two addresses of the database: the app's and the owner's."""

from __future__ import annotations

from dataclasses import dataclass

from config.settings import Settings
from postgres import embedded


@dataclass(frozen=True, slots=True)
class Addresses:
    app: str
    owner: str

    @property
    def is_split(self) -> bool:
        """Whether serving and migrating use different roles, as they should."""
        return self.app != self.owner


def resolve(settings: Settings) -> Addresses:
    """Start the embedded server if there is no DATABASE_URL."""
    if settings.database_url:
        return Addresses(
            settings.database_url, settings.migrate_database_url or settings.database_url
        )
    cluster = embedded.start(settings)
    return Addresses(cluster.url(embedded.APP), cluster.url(embedded.OWNER))
