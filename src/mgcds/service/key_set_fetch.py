"""Fetches a key set from its registered address: small, quick, without redirects, from a checked host."""

from __future__ import annotations

import ssl
from functools import lru_cache

import httpx2
from anyio import fail_after

from mgcds.service.pinning import NoAddress, Resolve, pinned, resolved

SECONDS = 2.0  # for everything, from the name to the last byte: EHRs give up on us after about that time
CONNECT_SECONDS = 0.8  # for one address of a host that has several
LARGEST = 65_536  # bytes
_HEADERS = {"accept": "application/jwk-set+json, application/json", "accept-encoding": "identity"}


class NotFetched(Exception):
    """The key set could not be had; the message says why in constant words."""


async def fetch_key_set(address: str, *, private: bool, resolve: Resolve = resolved) -> bytes:
    """What a registered address answers. `private`: whether its host may be on a local network. Raises NotFetched."""
    try:
        with fail_after(SECONDS):
            return await _fetched(httpx2.URL(address), private, resolve)
    except TimeoutError:
        raise NotFetched("it took too long") from None
    except NoAddress as error:
        raise NotFetched(str(error)) from None
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
        raise NotFetched(f"the connection failed ({type(error).__name__})") from None


async def _fetched(url: httpx2.URL, private: bool, resolve: Resolve) -> bytes:
    port = url.port or (443 if url.scheme == "https" else 80)
    headers = _HEADERS | {"host": url.netloc.decode()}
    timeout = httpx2.Timeout(SECONDS, connect=CONNECT_SECONDS)
    # trust_env=False: a proxy of the environment would resolve the name again, and reach what we must not.
    async with httpx2.AsyncClient(verify=tls(), trust_env=False, follow_redirects=False, timeout=timeout) as http:
        failed: httpx2.TransportError | None = None
        for address in await pinned(url.host, port, private=private, resolve=resolve):
            # The connection goes to the address, the certificate must be the host's.
            request = http.build_request(
                "GET", url.copy_with(host=address), headers=headers, extensions={"sni_hostname": url.host}
            )
            try:
                response = await http.send(request, stream=True)
            except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
                failed = error
                continue
            try:
                return await _body(response)
            finally:
                await response.aclose()
    raise failed or NoAddress("its host has no address")


async def _body(response: httpx2.Response) -> bytes:
    if response.status_code != 200:
        raise NotFetched("it redirects" if response.is_redirect else "it answers with another status than 200")
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise NotFetched("it is compressed, though we did not ask for that")
    data = b""
    async for chunk in response.aiter_raw():
        data += chunk
        if len(data) > LARGEST:
            raise NotFetched("it is too large")
    return data


@lru_cache(maxsize=1)
def tls() -> ssl.SSLContext:
    """What the system trusts; SSL_CERT_FILE names a site's own authority."""
    return ssl.create_default_context()
