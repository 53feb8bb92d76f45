"""The access file: what it says is sent, what it names wrongly is refused, and no secret is shown."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from analysis.access.access import ACCESS_ENV, CA_FILE_ENV, AccessError, EndpointAccess
from analysis.access.access_file import read_access
from locustfiles.load.options import variable_of
from tests.gateway import Authority

SECRET = 'gehe1m/"token"'
ENVIRONMENT = {"TOKEN": SECRET, "EMPTY": "", "LINES": "a\nb", "KEY": "ApiKey gehe1m"}


def read(folder: Path, text: str) -> EndpointAccess:
    """The ingress of a file with that text in its table."""
    (folder / "access.toml").write_text(f"[ingress]\n{text}\n")
    return read_access(str(folder / "access.toml"), environment=ENVIRONMENT).ingress


def test_headers_come_from_texts_variables_and_files(tmp_path: Path) -> None:
    (tmp_path / "cookie").write_text("session=1\n")
    headers = 'X-Scope-OrgID = "team-a", X-Key = {env = "KEY"}, Cookie = {file = "cookie"}'
    access = read(tmp_path, f'host = "models.example"\nheaders = {{{headers}}}')
    assert access.host == "models.example"
    assert access.headers == (("X-Scope-OrgID", "team-a"), ("X-Key", "ApiKey gehe1m"), ("Cookie", "session=1"))
    assert access.secrets == ("ApiKey gehe1m", "gehe1m", "session=1")


def test_a_bearer_token_and_basic_authentication_become_authorization(tmp_path: Path) -> None:
    assert read(tmp_path, 'bearer_token = {env = "TOKEN"}').headers == (("Authorization", f"Bearer {SECRET}"),)
    basic = read(tmp_path, 'username = "me"\npassword = {env = "TOKEN"}')
    encoded = base64.b64encode(f"me:{SECRET}".encode()).decode()
    assert basic.headers == (("Authorization", f"Basic {encoded}"),)
    assert set(basic.secrets) == {SECRET, encoded}


def test_both_tables_trust_the_ca_file_of_the_option_where_they_name_none(tmp_path: Path) -> None:
    first, second = Authority(tmp_path, "first"), Authority(tmp_path, "second")
    (tmp_path / "access.toml").write_text('[ingress]\nca_file = "first.pem"\n')
    access = read_access(str(tmp_path / "access.toml"), str(second.certificate))
    assert access.ingress.ca_file == str(first.certificate)
    assert access.prometheus.ca_file == str(second.certificate)
    assert read_access("", str(second.certificate)).ingress.ca_file == str(second.certificate)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("bearer = 1", "ingress.bearer: expected one of host, server_name"),
        ('bearer_token = "gehe1m"', "ingress.bearer_token: expected a variable or a file that holds the secret"),
        ('headers = {X-Api-Key = "gehe1m"}', "ingress.headers.X-Api-Key: expected a variable or a file"),
        ('username = "me"\npassword = "gehe1m"', "ingress.password: expected a variable or a file"),
        ('username = "me"', "ingress.username: expected it and password, got one without the other"),
        ('bearer_token = {env = "UNSET"}', "got no text in the variable UNSET"),
        ('bearer_token = {env = "EMPTY"}', "got no text in the variable EMPTY"),
        ('bearer_token = {env = "LINES"}', "got other text in the variable LINES"),
        ('bearer_token = {env = "gehe1m.x-y"}', "ingress.bearer_token.env: expected a name"),
        ('bearer_token = {file = "none"}', "got No such file or directory"),
        ('bearer_token = {env = "TOKEN", file = "x"}', "expected a text, { env } or { file }"),
        ('bearer_token = {env = "TOKEN"}\nusername = "a"\npassword = {env = "TOKEN"}', "got both"),
        ('bearer_token = {env = "TOKEN"}\nheaders = {authorization = {env = "KEY"}}', "expected one Authorization"),
        ('headers = {Host = "h"}', 'Write host = "..." in [ingress]'),
        ('headers = {Content-Length = "1"}', "expected a header that a client may add"),
        ('headers = {"a b" = "1"}', "expected a header that a client may add"),
        ('headers = {A = "b\\r\\nC: d"}', "expected printable ASCII on one line"),
        ("headers = 3", "ingress.headers: expected a table"),
        ('host = "a b"', "ingress.host: expected a host name"),
        ('ca_file = "none.pem"', "ingress.ca_file: expected a file of certificates, got none at"),
        ('ca_file = "access.toml"', "ingress.ca_file: expected a file of certificates, got NO_CERTIFICATE_OR_CRL"),
        ('key_file = "x.key"', "ingress.key_file: expected a cert_file beside it"),
        ('cert_file = "none.pem"', "ingress.cert_file: expected a certificate and its key without a passphrase"),
        ("[other]", "expected tables ingress and prometheus, got 'other'"),
        ("[ingress", "expected a TOML file, got"),
    ],
)
def test_a_wrong_entry_is_refused_in_one_line_without_its_value(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(AccessError) as caught:
        read(tmp_path, text)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "gehe1m" not in str(caught.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AccessError, match="reading --access: expected a TOML file, got: No such file"):
        read_access(str(tmp_path / "none.toml"))


def test_a_certificate_with_another_key_or_a_locked_one_is_refused_and_nobody_is_asked(tmp_path: Path) -> None:
    """OpenSSL would ask on the terminal for the passphrase, and a run in CI would wait for ever."""
    authority = Authority(tmp_path)
    for name, passphrase in (("a.example", None), ("b.example", b"geheim"), ("c.example", None)):
        authority.issue(name, passphrase=passphrase)
    with pytest.raises(AccessError, match="got KEY_VALUES_MISMATCH"):
        read(tmp_path, 'cert_file = "a.example.pem"\nkey_file = "c.example.key"')
    with pytest.raises(AccessError, match="without a passphrase, got"):
        read(tmp_path, 'cert_file = "b.example.pem"\nkey_file = "b.example.key"')


def test_a_secret_is_not_in_the_texts_of_its_holder(tmp_path: Path) -> None:
    access = read(tmp_path, 'bearer_token = {env = "TOKEN"}')
    assert "gehe1m" not in repr(access) + str(access)


def test_an_answer_that_repeats_a_secret_is_masked_and_keeps_its_length(tmp_path: Path) -> None:
    """Also as JSON writes it; a protobuf message states the lengths of its parts."""
    access = read(tmp_path, 'bearer_token = {env = "TOKEN"}')
    for body in (f"no {SECRET} here".encode(), b'{"no": "gehe1m/\\"token\\""}', b"nothing"):
        masked = access.mask(body)
        assert b"gehe1m" not in masked
        assert len(masked) == len(body)
    assert access.mask(b"nothing") == b"nothing"
    assert access.mask_text(f"x{SECRET}") == "x" + "*" * len(SECRET)


def test_the_variables_are_those_of_the_options() -> None:
    """The judge reads by these what the load was given by its options."""
    assert (variable_of("--access"), variable_of("--ca-file")) == (ACCESS_ENV, CA_FILE_ENV)
