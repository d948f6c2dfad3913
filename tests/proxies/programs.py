"""Starts each proxy with its configuration, on a port and in a folder of its own.

Knows: the options by which each program stays in the foreground and within its folder.
Must not know: what passes a proxy.
"""

from __future__ import annotations

import re
import shutil
import ssl
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.proxies.variants import FILES, Variant
from tests.support.process import START_TIMEOUT, find_program, part_is_missing
from tests.support.proxies import Proxy, started
from tests.support.tls import Authority

CONFIGS: Final = Path(__file__).with_name("configs")

APACHE_MODULES: Final = Path("/usr/lib/apache2/modules")

PROGRAMS: Final = {
    "apache": "apache2",
    "caddy": "caddy",
    "envoy": "envoy",
    "haproxy": "haproxy",
    "mitmproxy": "mitmdump",
    "nginx": "nginx",
    "squid": "squid",
    "traefik": "traefik",
}
"""What each is called on the disk."""


def config_file(name: str) -> Path:
    """Return the file of a configuration, `program/configuration`."""
    (found,) = CONFIGS.glob(f"{FILES.get(name, name)}.*")
    return found


@contextmanager
def proxy(variant: Variant, origin: int, authority: Authority) -> Iterator[Proxy]:
    """Run a proxy until the end of the block.

    Args:
        variant: which one.
        origin: the port of the server behind it.
        authority: whose certificate it shows, and whom it trusts.
    """
    program = find_program(PROGRAMS[variant.program])

    def command(folder: Path, port: int) -> list[str]:
        values = {
            "authority": authority.authority_file,
            "authority-pair": authority.authority_pair_file,
            "certificate": authority.certificate_file,
            "certgen": "",
            "folder": folder,
            "key": authority.key_file,
            "modules": APACHE_MODULES,
            "origin": origin,
            "pair": authority.pair_file,
            "port": port,
        }
        if variant.name == "squid/interception":
            values["certgen"] = _certificate_store(folder)
        if variant.program == "mitmproxy":
            shutil.copy(authority.authority_pair_file, folder / "mitmproxy-ca.pem")
        base = CONFIGS / variant.program / f"base{config_file(variant.name).suffix}"
        if base.exists():
            _write(base, folder / base.name, values)
        site = folder / f"site{config_file(variant.name).suffix}"
        _write(config_file(variant.name), site, values)
        return [program, *_OPTIONS[variant.program](folder, port)]

    with started(command) as one:
        if variant.program == "traefik":
            _wait_for_routes(one.url("/", scheme="https" if variant.tls else "http"))
        yield one


def _wait_for_routes(url: str) -> None:
    """Wait until Traefik knows its routes: it takes connections before."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline:
        try:
            head = urllib.request.Request(url, method="HEAD")  # a GET would be a reader of byway's
            urllib.request.urlopen(head, timeout=5, context=context).close()
            return
        except OSError as error:  # its own 404, or a handshake without a certificate
            if isinstance(error, urllib.error.HTTPError):
                error.close()
                if error.code != 404:
                    return  # an origin's, which serves no pages
            threading.Event().wait(0.05)  # nothing says when: ask again
    raise AssertionError("Traefik found no route")


def _write(source: Path, target: Path, values: Mapping[str, object]) -> None:
    """Copy a configuration with the values in their places."""
    target.write_text(
        re.sub(r"@([a-z-]+)@", lambda match: str(values[match[1]]), source.read_text())
    )


def _nginx(folder: Path, port: int) -> list[str]:
    options = "daemon off; worker_processes 1;"
    return ["-p", str(folder), "-e", "stderr", "-g", options, "-c", f"{folder}/base.conf"]


def _haproxy(folder: Path, port: int) -> list[str]:
    # -W: a master that reloads at SIGUSR2, as the service of Debian does.
    return ["-W", "-f", f"{folder}/base.cfg", "-f", f"{folder}/site.cfg"]


def _apache(folder: Path, port: int) -> list[str]:
    return ["-D", "FOREGROUND", "-f", f"{folder}/base.conf"]


def _caddy(folder: Path, port: int) -> list[str]:
    return ["run", "--adapter", "caddyfile", "--config", f"{folder}/site.caddyfile"]


def _envoy(folder: Path, port: int) -> list[str]:
    options = "--concurrency 1 --disable-hot-restart --log-level warning -c"
    return [*options.split(), f"{folder}/site.yaml"]


def _traefik(folder: Path, port: int) -> list[str]:
    return [f"--configFile={folder}/base.yaml"]


def _squid(folder: Path, port: int) -> list[str]:
    # Started by root it becomes another user, who has to be able to write here.
    (folder / "hosts").write_text("127.0.0.1 localhost\n")
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o777 if path.is_dir() else 0o666)
    return ["-N", "-d", "1", "-f", f"{folder}/base.conf"]


def _mitmproxy(folder: Path, port: int) -> list[str]:
    shutil.copy(folder / "site.yaml", folder / "config.yaml")
    return ["-q", "--set", f"confdir={folder}", "--listen-host", "127.0.0.1", "-p", str(port)]


_OPTIONS: Final[dict[str, Callable[[Path, int], list[str]]]] = {
    "apache": _apache,
    "caddy": _caddy,
    "envoy": _envoy,
    "haproxy": _haproxy,
    "mitmproxy": _mitmproxy,
    "nginx": _nginx,
    "squid": _squid,
    "traefik": _traefik,
}


def _certificate_store(folder: Path) -> str:
    """Make the folder in which Squid keeps the certificates it makes; return what makes them."""
    if not (program := shutil.which("security_file_certgen", path="/usr/lib/squid")):
        part_is_missing("this Squid cannot open TLS (Debian: squid-openssl can)")
    store = folder / "ssl_db"
    shutil.rmtree(store, ignore_errors=True)
    subprocess.run([program, "-c", "-s", store, "-M", "4MB"], check=True, capture_output=True)
    return program
