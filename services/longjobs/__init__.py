"""Long jobs: asked for in a transaction, worked off in steps by any worker, watched on a page.

A kind of job is a function that does one step: it reads what it needs, calls upstream with no
transaction open, and returns what is to be written. The runner writes that together with the new
cursor in one transaction, under the lease: whatever is killed, a step is done once or not at all.
"""

from services.longjobs.asking import cancel, job_of, newest, rows_of, start
from services.longjobs.kinds import Job, Row, Step, StepFailed, handles
from services.longjobs.running import run_due
from services.longjobs.words import Words, tells, words_of

__all__ = [
    "Job",
    "Row",
    "Step",
    "StepFailed",
    "Words",
    "cancel",
    "handles",
    "job_of",
    "newest",
    "rows_of",
    "run_due",
    "start",
    "tells",
    "words_of",
]
