"""The platform cannot be reached: its name is not found, or somebody else seems to answer for it."""

import ssl
import subprocess
import time

import pytest

from one_machine.ports import HOST
from support.cases import tool
from support.hooked import NO_NAMES
from support.network import Proxy

pytestmark = pytest.mark.case(45, t_s=3.0)
CUSTOMERS = 12


@pytest.mark.system(hooked=True)
def test_the_name_of_the_platform_is_not_found(antre):
    traps = [antre.set_trap(name, NO_NAMES) for name in antre.allocators]
    _begin_again(antre, QISCUS_BASE_URL=f"http://localhost:{antre.assembly.simulator_port}")
    _nobody_is_served(antre)
    for trap in traps:
        trap.unlink()
    antre.must_progress(time.time())
    antre.must_come_to_rest()


@pytest.mark.parametrize("wrong", ["another host's", "nobody vouches for it"])
def test_the_certificate_of_the_platform_is_wrong(antre, tmp_path, wrong):
    right, elsewhere, unknown = (_certificate(tmp_path, name) for name in ("localhost", "elsewhere", "unknown"))
    trusted = tmp_path / "trusted.pem"
    trusted.write_text(right.read_text() + elsewhere.read_text())
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(elsewhere if wrong == "another host's" else unknown)
    with Proxy([antre.assembly.simulator_port], tls=tls) as proxy:
        _begin_again(antre, QISCUS_BASE_URL=f"https://localhost:{proxy.port}", SSL_CERT_FILE=str(trusted))
        _nobody_is_served(antre)
        tls.load_cert_chain(right)
        antre.must_progress(time.time())
        antre.must_come_to_rest()


def _begin_again(antre, **env):
    for name in antre.allocators:
        antre.running[name].terminate()
    for name in antre.allocators:
        antre.begin(name, **env)
    antre.leader()


def _nobody_is_served(antre):
    """It is known why, and webhooks are taken all the same."""
    since = time.time()
    antre.traffic(6)
    antre.must("customers wait", lambda: antre.platform.waiting() >= CUSTOMERS)
    antre.must("they wait for that reason", lambda: antre.waiting_why().get("platform_unavailable", 0) >= CUSTOMERS)
    assert antre.platform.assigned(since) == []
    assert all(answer.get("status") == 200 for answer in antre.platform.of_kind("webhook_answered", since))


def _certificate(folder, name):
    """A certificate that vouches for itself, with its key, in one file."""
    path, host = folder / f"{name}.pem", "localhost" if name == "unknown" else name
    words = f"req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN={name}"
    alias = f"subjectAltName=DNS:{host}" + (f",IP:{HOST}" if host == "localhost" else "")
    files = ["-addext", alias, "-keyout", f"{path}.key", "-out", str(path)]
    subprocess.run([tool("openssl"), *words.split(), *files], check=True, capture_output=True)
    path.write_text(path.read_text() + (folder / f"{name}.pem.key").read_text())
    return path
