"""An operator at the page of ads: fills the form in, as a browser would."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import requests

from tests.harness.console import Console
from tests.harness.pictures import picture

LINK = "https://shop.example.com/tea?from=paid"


@dataclass
class AdsDesk:
    desk: Console

    def send(
        self, path: str = "/ads", *, image: bytes | None = None, go: str = "live", **typed: Any
    ) -> requests.Response:
        form = {"name": "第二杯半价", "link": LINK, "scope": "all", "go": go, **typed}
        files = {"picture": ("图.png", image, "image/png")} if image is not None else None
        return self.desk.post(path, form, files=files)

    def make(self, name: str = "第二杯半价", *, colour: str = "seagreen", **typed: Any) -> str:
        """A new ad, live if the desk may; its public id."""
        answer = self.send(image=picture(colour=colour), name=name, **typed)
        assert answer.status_code == 303, answer.text[-2000:]
        return answer.headers["Location"].rpartition("/")[2]

    def act(self, public_id: str, what: str, **form: Any) -> requests.Response:
        return self.desk.post(f"/ads/{public_id}/{what}", form)
