"""Servers that are reached as the environment says: private certificates, proxies, and variables that are wrong."""

import threading
from contextlib import contextmanager

import httpx
import pytest

from conformance.cli.main import main
from conformance.errors import UsageError
from conformance.selftests.network_calls import (
    CERTIFICATE,
    certificates_of_the_environment,
    first_connection,
    server_tls,
)
from conformance.selftests.ollamas import FakeOllama
from conformance.selftests.openings import controller_of, reported
from conformance.selftests.servers import listening
from conformance.selftests.servers.transport import LoopbackServer
from conformance.targets.native_http import native_client
from conformance.wire.network import build_transport

HASHED = "52311970.0"
"""The certificate's file name in a folder of certificates: `openssl x509 -hash`."""

ROW = "chat/fields/model"


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    with certificates_of_the_environment(monkeypatch):
        yield


@contextmanager
def secured(server):
    """The base URL of a server on a loopback socket, over TLS."""
    loopback = LoopbackServer(server)
    loopback.socket = server_tls().wrap_socket(loopback.socket, server_side=True)
    threading.Thread(target=loopback.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"https://localhost:{loopback.server_port}"
    finally:
        loopback.die()


def verdict(url, folder):
    """What a run finds of one row, native API and asker both."""
    controller = controller_of(url, folder, [])
    try:
        report, _ = reported(controller, [ROW])
    finally:
        controller.close()
    assert report["target"]["kind"] == "ollama"
    return next(row["verdict"] for row in report["rows"] if row["id"] == ROW)


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_a_private_authority_is_trusted_where_the_environment_names_it(tmp_path, monkeypatch, variable):
    folder = tmp_path / "certificates"
    folder.mkdir()
    (folder / HASHED).write_bytes(CERTIFICATE.read_bytes())
    monkeypatch.setenv(variable, str(folder / HASHED if variable == "SSL_CERT_FILE" else folder))
    with secured(FakeOllama()) as url:
        assert verdict(url, tmp_path) == "supported"


def test_a_certificate_that_nobody_trusts_is_named(tmp_path):
    with secured(FakeOllama()) as url, pytest.raises(UsageError, match=r"cannot reach https://.*CERTIFICATE_VERIFY"):
        verdict(url, tmp_path)


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_a_server_behind_a_proxy_is_asked_through_it(tmp_path, monkeypatch, variable):
    with listening(FakeOllama()) as proxy:
        monkeypatch.setenv(variable, proxy.removesuffix("/v1"))
        assert verdict("http://ollama.invalid:11434", tmp_path) == "supported"
        monkeypatch.setenv("NO_PROXY", "ollama.invalid")
        with pytest.raises(UsageError, match=r"cannot reach http://ollama\.invalid:11434"):
            verdict("http://ollama.invalid:11434", tmp_path)


def test_this_machine_is_never_asked_through_a_proxy(tmp_path, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.invalid:3128")
    with listening(FakeOllama()) as url:
        assert verdict(url, tmp_path) == "supported"
        assert verdict(url.replace("127.0.0.1", "localhost"), tmp_path) == "supported"


@pytest.mark.parametrize("no_proxy", ["", "*", "host.test", "test", "host.test:8000", "10.0.0.1,::2"])
@pytest.mark.parametrize(
    "url",
    [
        "http://host.test/v1",
        "http://host.test:8000/v1",
        "https://host.test/v1",
        "http://sub.host.test/v1",
        "http://other.test:8000/v1",
        "http://10.0.0.1:8000/v1",
        "http://127.0.0.1:8000/v1",
        "http://[::1]:8000/v1",
        "http://[::2]:8000/v1",
    ],
)
def test_the_asker_takes_the_way_that_httpx_takes(monkeypatch, url, no_proxy):
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.test:3128")
    monkeypatch.setenv("NO_PROXY", no_proxy)
    ours = httpx.Client(transport=build_transport(url), trust_env=False)
    assert first_connection(ours, url) == first_connection(native_client(), url)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SSL_CERT_FILE", "/nowhere/ca.pem"),
        ("SSL_CERT_FILE", __file__),
        ("HTTP_PROXY", "nonsense://me:secret@proxy"),
        ("all_proxy", "nonsense://proxy"),
        ("NO_PROXY", "[::1"),
    ],
)
def test_a_useless_environment_is_named_without_its_values(tmp_path, monkeypatch, capsys, variable, value):
    monkeypatch.setenv(variable, value)
    with pytest.raises(UsageError, match=rf"cannot use what the environment says \(.*{variable.upper()}") as caught:
        verdict("http://host.test", tmp_path)
    assert "secret" not in str(caught.value)
    assert main(["models", "remove", "--base-url", "http://host.test"]) == 2
    assert "cannot use what the environment says" in capsys.readouterr().err
