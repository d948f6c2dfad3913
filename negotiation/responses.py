"""Responses: what a status means that came in the place of byway's response.

Knows: what sends such a response, why, and what helps.
Must not know: how the response was got, what other transports saw.
"""

from __future__ import annotations

from byway.negotiation.evidence import Evidence

_PAGES = ("nginx", "HAProxy", "Apache", "Caddy", "Envoy", "Traefik", "Squid", "mitmproxy")
_ALLOW_POST = "Ask whoever runs it to allow POST on this path."
_LOGIN = "Log in to the network in a browser, and try again."


def refusal(one: Evidence, by: str, served: bool) -> tuple[str, str]:
    """Return why a transport was refused, and what to do.

    Args:
        one: what was seen; it has a status.
        by: the product that sent the response, "" where nothing tells.
        served: whether byway is known to be served behind it.
    """
    status = one.status
    assert status is not None
    if one.mark:
        return _by_byway(one, status, by)
    if one.trouble == "proxy":
        return _by_forward_proxy(one, status)
    sender = f"{by}, not from byway" if by else "something on the way, not from byway"
    if not served:
        sender = by or "something on the way, or from the server"
    what = "handshake" if one.transport == "websocket" else "POST"
    why = f"The {what} got status {status} from {sender}."
    if status == 407:
        return _credentials(one, "The proxy requires credentials{}: 407.")
    if status == 401:
        scheme = one.header("www-authenticate")
        return (
            f"{why} It requires credentials{f' ({scheme})' if scheme else ''}.",
            "Send them with each request: -H 'Authorization: …' (in a program, `headers=`).",
        )
    if status == 511:
        return f"{why} The network requires a login first.", _LOGIN
    if 300 <= status < 400:
        return f"{why} It redirects to {one.header('location') or 'somewhere else'}.", (
            "Use the address that it redirects to. If that is a login page of the network, log in."
        )
    if status in (502, 503, 504):
        return (
            f"{why} A proxy sends that when its server is down, or slow to respond.",
            "Ask whoever runs the proxy to check the server behind it.",
        )
    if one.transport == "websocket":
        return _handshake(why, status, by)
    return _post(why, status)


def _by_byway(one: Evidence, status: int, by: str) -> tuple[str, str]:
    if status == 426:
        return (
            "The handshake reached the server without its `Upgrade` header: "
            f"{by or 'a proxy on the way'} removes it.",
            "Ask whoever runs the proxy to forward the `Upgrade` and `Connection` headers "
            f"({_page(by)}).",
        )
    if status == 400 and one.transport == "websocket":
        return (
            "The handshake reached the server without its `Sec-WebSocket-Protocol` header: "
            f"{by or 'a proxy on the way'} removes it.",
            "Ask whoever runs the proxy to forward `Sec-WebSocket-Protocol` in both directions.",
        )
    if status == 409:
        return (
            "The request reached the server twice (409): the network repeats requests.",
            "Ask whoever runs the proxy to stop it from repeating POSTs (nginx: "
            "`proxy_next_upstream` without `non_idempotent`).",
        )
    if status == 403 and one.mark == "error":
        return (
            "The server refuses pages of this origin.",
            "On the server, allow the origin with the middleware's `origins`.",
        )
    if status in (429, 503):
        return (
            f"The server is too busy now: {one.error}.",
            "Try again later.",
        )
    if one.mark == "refused":
        return (
            f"The application refused the client with status {status}.",
            "The application decides that: check the credentials.",
        )
    return f"The server said: {one.error}.", ""


def _page(by: str) -> str:
    """Return which page explains how to configure a proxy."""
    return (
        f"docs/how-to/{by.lower()}.md" if by in _PAGES else "docs/how-to has a page for each proxy"
    )


def _credentials(one: Evidence, why: str) -> tuple[str, str]:
    """Say which kind of credentials a forward proxy requires, and whether byway has it."""
    schemes = [value for name, value in one.headers if name == "proxy-authenticate"]
    said = why.format(f" ({', '.join(schemes)})" if schemes else "")
    if schemes and not any(scheme.lower() == "basic" for scheme in schemes):
        return (
            f"{said} byway supports Basic only.",
            "Ask whoever runs the proxy to allow Basic, or to exempt this server. Or run a local "
            "proxy that logs in for the client (cntlm, px), and name it with --proxy.",
        )
    return said, "Name them in the proxy's URL: http://user:password@host:port."


def _by_forward_proxy(one: Evidence, status: int) -> tuple[str, str]:
    if status == 407:
        return _credentials(one, "The proxy requires credentials{}: CONNECT got status 407.")
    return (
        f"The proxy refused CONNECT with status {status}. WebSockets, and everything over TLS, go "
        "through a proxy in such a tunnel. Many proxies allow it to port 443 only.",
        "Serve the application over TLS on port 443, or ask whoever runs the proxy to allow the "
        "port.",
    )


def _handshake(why: str, status: int, by: str) -> tuple[str, str]:
    ask = "Ask whoever runs the proxy to let WebSockets pass"
    if by == "Envoy" or status == 403:
        note = " Envoy does that when no upgrade is configured, and filters do it by policy."
        if status == 403 and not by:
            note += " An application that refuses looks the same; another transport is told more."
        return why + note, f"{ask} (Envoy: `upgrade_configs` with `websocket`)."
    if status == 426:
        note = " Squid does that in front of a server, or where it inspects TLS."
        return why + note, f"{ask} (Squid: `http_upgrade_request_protocols`)."
    if status in (400, 404, 405):
        note = " It was taken for a plain request, or a filter rejects its `Upgrade` header."
        return why + note, f"{ask} ({_page(by)})."
    return why, f"{ask}."


def _post(why: str, status: int) -> tuple[str, str]:
    if status == 411:
        return (
            f"{why} It requires a `Content-Length` header.",
            "Ask whoever runs it to allow chunked bodies.",
        )
    if status == 413:
        return (
            f"{why} It accepts shorter bodies only.",
            "Ask whoever runs it to allow bodies of 256 KiB (nginx: `client_max_body_size`).",
        )
    if status == 405:
        return (
            f"{why} It does not allow POST here.",
            _ALLOW_POST,
        )
    if status == 403:
        return (
            f"{why} Filters do that by policy.",
            _ALLOW_POST,
        )
    return why, "Ask whoever runs it to let POSTs of `application/byway` pass on this path."


def not_byway(one: Evidence, by: str) -> tuple[str, str]:
    """Return why a response shows that byway is not served, and what to do.

    Args:
        one: what was seen; it has a status.
        by: the product that sent the response, "" where nothing tells.
    """
    status = one.status
    assert status is not None
    what = "handshake" if one.transport == "websocket" else "POST"
    sender = f" from {by}" if by else ""
    page = "html" in one.header("content-type")
    if 300 <= status < 400:
        return (
            f"The {what} got a redirect ({status}){sender} to {one.header('location')}.",
            "Use the address that it redirects to. If that is a login page of the network, log in "
            "there and try again.",
        )
    if 200 <= status < 300:
        return (
            f"The {what} got status {status}{sender} with "
            f"{'a web page' if page else 'something else'} instead of byway's response.",
            "Check the path of the URL. If every address shows this page, it is the login page "
            "of the network: log in there and try again.",
        )
    return (
        f"The {what} got status {status}{sender}, without a sign of byway.",
        "Check the path of the URL, and that the application is wrapped in FallbackMiddleware.",
    )
