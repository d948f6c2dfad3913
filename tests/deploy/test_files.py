"""The files of docs/deploy are what their programs take, where those cannot run here.

Their commands run, and the files of nginx, HAProxy and Redis too: see test_commands.py.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests.support.process import ROOT, find_program, part_is_missing

DEPLOY = ROOT / "docs" / "deploy"

KUBERNETES = "1.34"
"""A version that clouds offer now. Newer ones take these kinds as well."""


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a program that checks a file."""
    return subprocess.run(
        [str(one) for one in command], capture_output=True, text=True, timeout=50, check=False
    )


def manifests() -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text()))


def check_compose(path: Path) -> subprocess.CompletedProcess[str]:
    """Check a file with the schema that the Compose specification publishes."""
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    return run(*check, path)


def test_the_compose_file_is_one() -> None:
    done = check_compose(DEPLOY / "compose.yaml")
    assert done.returncode == 0, done.stdout


def test_the_schema_of_compose_files_would_say_what_is_wrong(tmp_path: Path) -> None:
    wrong = tmp_path / "compose.yaml"
    wrong.write_text(
        (DEPLOY / "compose.yaml").read_text().replace("stop_grace_period", "grace_period")
    )
    assert "grace_period" in check_compose(wrong).stdout


@pytest.mark.parametrize(
    "manifest", manifests(), ids=lambda one: f"{one['kind']}-{one['metadata']['name']}"
)
def test_each_manifest_is_what_kubernetes_takes(manifest: dict[str, Any]) -> None:
    kubernetes_validate.validate(manifest, KUBERNETES, strict=True)


def test_the_schemas_of_kubernetes_would_say_what_is_wrong() -> None:
    (deployment,) = [one for one in manifests() if one["kind"] == "Deployment"]
    deployment["spec"]["template"]["spec"]["gracePeriod"] = 30
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(deployment, KUBERNETES, strict=True)


def test_a_pod_has_the_time_to_drain() -> None:
    from byway import ServerLimits

    (deployment,) = [one for one in manifests() if one["kind"] == "Deployment"]
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    pause = int(container["lifecycle"]["preStop"]["exec"]["command"][1])
    limits = ServerLimits()
    needed = pause + limits.drain_timeout + limits.handler_timeout
    assert pod["terminationGracePeriodSeconds"] > needed


def test_the_redis_of_kubernetes_is_set_as_the_one_that_is_tested() -> None:
    (configuration,) = [one for one in manifests() if one["kind"] == "ConfigMap"]
    said = configuration["data"]["redis.conf"].splitlines()
    file = (DEPLOY / "redis.conf").read_text().splitlines()
    assert said == [line for line in file if not line.startswith("#")]


@pytest.mark.parametrize("unit", ["chat.service", "chat@.service"])
def test_systemd_takes_the_units(unit: str, tmp_path: Path) -> None:
    program = find_program("systemd-analyze")
    # A command that is not there is an error, and so is a directory; the user is not looked up.
    text = (DEPLOY / unit).read_text()
    text = text.replace("/srv/chat/.venv/bin/uvicorn", sys.executable)
    file = tmp_path / unit.replace("@", "@8001")
    file.write_text(text)
    done = run(program, "verify", "--man=no", file)
    if "Failed to initialize manager" in done.stderr:
        part_is_missing("systemd-analyze cannot run here: " + done.stderr)
    assert (done.returncode, done.stderr) == (0, "")
    file.write_text(text.replace("KillMode=mixed", "KillMode=sometimes"))
    assert "sometimes" in run(program, "verify", "--man=no", file).stderr
