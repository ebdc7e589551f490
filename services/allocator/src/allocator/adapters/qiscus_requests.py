"""What is sent to the platform, for one app. Pure: words in, requests out.

httpx's client would parse the address and merge the headers anew for each call, which cost more than sending it. Here
both are put together once, by the first call that needs them: what is wrong with an address or a key is that call's
``ValueError`` or ``httpx.InvalidURL``, and no other app's. Does not promise that a request can be shown: its headers
hold the secret key.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

import httpx
import msgspec

_OF_EVERY_CLIENT = {
    "Accept": "*/*",
    "Accept-Encoding": "gzip, deflate",
    "Connection": "keep-alive",
    "User-Agent": f"python-httpx/{httpx.__version__}",
}
_FORM = (b"Content-Type", b"application/x-www-form-urlencoded")
_JSON = (b"Content-Type", b"application/json")


class Requests:
    """Makes the requests of one app."""

    def __init__(self, base_url: str, app_id: str, secret_key: str) -> None:
        self._base_url = base_url
        self._credentials = {"Qiscus-App-Id": app_id, "Qiscus-Secret-Key": secret_key}
        self._urls: dict[str, httpx.URL] = {}

    def get(self, path: str, query: Mapping[str, str] | None = None) -> httpx.Request:
        """A reading. Its path may name a room, so its address is not kept."""
        return httpx.Request("GET", self._base_url + path, params=query, headers=self._headers)

    def form(self, path: str, fields: Mapping[str, str]) -> httpx.Request:
        """A POST of a form to one of the few paths there are."""
        return self._post(path, urlencode(fields).encode(), _FORM)

    def json(self, path: str, body: Mapping[str, Any]) -> httpx.Request:
        """A POST of JSON to one of the few paths there are."""
        return self._post(path, msgspec.json.encode(body), _JSON)

    def _post(self, path: str, body: bytes, kind: tuple[bytes, bytes]) -> httpx.Request:
        headers = [*self._headers, (b"Content-Length", b"%d" % len(body)), kind]
        request = httpx.Request("POST", self._url(path), headers=headers, stream=httpx.ByteStream(body))
        request.read()  # a body that was not read would be sent in chunks, without its length
        return request

    def _url(self, path: str) -> httpx.URL:
        url = self._urls.get(path)
        if url is None:
            url = self._urls[path] = httpx.URL(self._base_url + path)
        return url

    @cached_property
    def _headers(self) -> list[tuple[bytes, bytes]]:
        """What every request has: the host, which httpx reads from the address, then these."""
        return httpx.Request("GET", self._base_url, headers=_OF_EVERY_CLIENT | self._credentials).headers.raw
