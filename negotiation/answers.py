"""Answers: what a status means that came in the place of byway's answer.

Knows: who answers so, why, and what helps.
Must not know: how the answer was got, what other transports saw.
"""

from __future__ import annotations

from byway.negotiation.evidence import Evidence

_PAGES = ("nginx", "HAProxy", "Apache", "Caddy", "Envoy", "Traefik", "Squid", "mitmproxy")
_LOGIN = "Log in where the network asks for it, in a browser, and try again."


def refusal(one: Evidence, who: str, served: bool) -> tuple[str, str]:
    """Return why a transport was refused, and what to do.

    Args:
        one: what was seen; it has a status.
        who: the product that gave the answer, "" where nothing tells.
        served: whether byway is known to be served behind it.
    """
    status = one.status
    assert status is not None
    if one.mark:
        return _by_byway(one, status, who)
    if one.trouble == "proxy":
        return _by_forward_proxy(one, status)
    by = f"by {who}, not by byway" if who else "by something on the way, not by byway"
    if not served:
        by = f"by {who}" if who else "by somebody on the way, or by the server"
    what = "handshake" if one.transport == "websocket" else "POST"
    why = f"The {what} was answered {status} {by}."
    if status == 407:
        return _credentials(one, "The proxy wants credentials{}: 407.")
    if status == 401:
        scheme = one.header("www-authenticate")
        return (
            f"{why} It wants credentials{f' ({scheme})' if scheme else ''}.",
            "Send them with every request: -H 'Authorization: …' (in a program, `headers=`).",
        )
    if status == 511:
        return f"{why} The network wants a login first.", _LOGIN
    if 300 <= status < 400:
        return f"{why} It redirects to {one.header('location') or 'somewhere else'}.", (
            "Use the address that it redirects to; if that is a login page of the network, log in."
        )
    if status in (502, 503, 504):
        return (
            f"{why} That is what a proxy says whose server is away, or slow to answer.",
            "Who runs it: look at the server behind it.",
        )
    if one.transport == "websocket":
        return _handshake(why, status, who)
    return _post(why, status)


def _by_byway(one: Evidence, status: int, who: str) -> tuple[str, str]:
    if status == 426:
        return (
            "The handshake reached the server without its `Upgrade` header: "
            f"{who or 'a proxy on the way'} takes it away.",
            f"Who runs the proxy: let it pass `Upgrade` and `Connection` on ({_page(who)}).",
        )
    if status == 400 and one.transport == "websocket":
        return (
            "The handshake reached the server without its `Sec-WebSocket-Protocol` header: "
            f"{who or 'a proxy on the way'} drops it.",
            "Who runs the proxy: let it pass `Sec-WebSocket-Protocol` both ways.",
        )
    if status == 409:
        return (
            "The request reached the server twice (409): the network repeats requests.",
            "Who runs the proxy: switch off the repetition of POSTs (nginx: "
            "`proxy_next_upstream` without `non_idempotent`).",
        )
    if status == 403 and one.mark == "error":
        return (
            "The server refuses pages of this origin.",
            "Who runs the server: allow the origin with the middleware's `origins`.",
        )
    if status in (429, 503):
        return (
            f"The server has too much to do now: {one.error}.",
            "Try again later.",
        )
    if one.mark == "refused":
        return (
            f"The application refused the client with status {status}.",
            "It is the application's decision: check the credentials.",
        )
    return f"The server said: {one.error}.", ""


def _page(who: str) -> str:
    """Return where it is told how a proxy is configured."""
    return f"docs/how-to/{who.lower()}.md" if who in _PAGES else "docs/how-to has a page a proxy"


def _credentials(one: Evidence, why: str) -> tuple[str, str]:
    """Say which kind of credentials a forward proxy wants, and whether byway has it."""
    schemes = [value for name, value in one.headers if name == "proxy-authenticate"]
    said = why.format(f" ({', '.join(schemes)})" if schemes else "")
    if schemes and not any(scheme.lower() == "basic" for scheme in schemes):
        return (
            f"{said} byway speaks Basic only.",
            "Who runs the proxy: allow Basic, or let this server pass without. The client: a local "
            "proxy that logs in for it (cntlm, px), named with --proxy.",
        )
    return said, "Name them in the proxy's URL: http://user:password@host:port."


def _by_forward_proxy(one: Evidence, status: int) -> tuple[str, str]:
    if status == 407:
        return _credentials(one, "The proxy wants credentials{}: it answered CONNECT with 407.")
    return (
        f"The proxy refused CONNECT with {status}. A WebSocket goes through a proxy in such a "
        "tunnel, and so does everything over TLS; many proxies allow it to port 443 only.",
        "Serve the application over TLS on port 443, or ask who runs the proxy to allow the port.",
    )


def _handshake(why: str, status: int, who: str) -> tuple[str, str]:
    pass_on = "Who runs the proxy: let WebSockets pass"
    if who == "Envoy" or status == 403:
        note = " Envoy does so where no upgrade is configured; filters do so by policy."
        if status == 403 and not who:
            note += " An application that refuses looks the same here; another transport is told."
        return why + note, f"{pass_on} (Envoy: `upgrade_configs` with `websocket`)."
    if status == 426:
        note = " Squid does so where it stands before a server or looks into TLS."
        return why + note, f"{pass_on} (Squid: `http_upgrade_request_protocols`)."
    if status in (400, 404, 405):
        note = " It was taken for a plain request, or a filter does not like its `Upgrade`."
        return why + note, f"{pass_on} ({_page(who)})."
    return why, f"{pass_on}."


def _post(why: str, status: int) -> tuple[str, str]:
    if status == 411:
        return f"{why} It wants a length on every body.", "Who runs it: allow bodies in chunks."
    if status == 413:
        return (
            f"{why} It takes only shorter bodies.",
            "Who runs it: allow bodies of 256 KiB (nginx: `client_max_body_size`).",
        )
    if status == 405:
        return f"{why} It does not let POST pass here.", "Who runs it: allow POST on this path."
    if status == 403:
        return f"{why} Filters do so by policy.", "Who runs it: allow POST on this path."
    return why, "Who runs it: let POSTs of `application/byway` pass on this path."


def not_byway(one: Evidence, who: str) -> tuple[str, str]:
    """Return why an answer shows that byway is not served, and what to do."""
    status = one.status
    assert status is not None
    what = "handshake" if one.transport == "websocket" else "POST"
    by = f" by {who}" if who else ""
    page = "html" in one.header("content-type")
    if 300 <= status < 400:
        return (
            f"The {what} was redirected{by} ({status}) to {one.header('location')}.",
            "Use the address that it redirects to. A login page of the network does so too: log "
            "in there and try again.",
        )
    if 200 <= status < 300:
        return (
            f"The {what} was answered {status}{by} with "
            f"{'a web page' if page else 'something else'} in the place of byway's answer.",
            "Check the path of the URL. If every address shows this page, it is the login page "
            "of the network: log in there and try again.",
        )
    return (
        f"The {what} was answered {status}{by}, without a sign of byway.",
        "Check the path of the URL, and that the application is wrapped in FallbackMiddleware.",
    )
