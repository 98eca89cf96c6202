"""买单 (微信收款商业版): whose providers are ours, and bringing in their sub-merchants.

Two sources, one road: the adapter of `gateways/maidan.py`, or a file that somebody uploads.
"""

from services.maidan.asking import begin_file, begin_listed
from services.maidan.linking import Link, current_link, look, offer
from services.maidan.problems import BadList, NotLinked, SyncRunning
from services.maidan.reading import DEVICE_WORDS, devices_of, is_known, overview, running_job

__all__ = [
    "DEVICE_WORDS",
    "BadList",
    "Link",
    "NotLinked",
    "SyncRunning",
    "begin_file",
    "begin_listed",
    "current_link",
    "devices_of",
    "is_known",
    "look",
    "offer",
    "overview",
    "running_job",
]
