"""Secrets where they do not belong: known by name and by form, and not mistaken for what only sounds like one."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage.policy.secret_files import holds_secret
from moorage.policy.secret_names import looks_secret
from tests.policy.harness import Judge, web

LETTERS = "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0fG1hJ2kL3nM4pR5tV"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----\n"
NAMED = [
    "PGPASSWORD", "dbPassword", "DBPassword", "DB_PASSWORD", "db-password", "db.password", "MYSQLPASSWORD", "PASSWORD_DB",
    "passwordDb", "postgresPassword", "POSTGRES_PASSWORD_1", "MYSQL_PWD", "dbPwd", "DB_PASS", "userPass", "requirepass",
    "SMTPPASS", "passphrase", "KEY_PASSPHRASE", "spring.datasource.password", "apiKey", "API_KEY", "APIKEY", "apikey", "x-api-key",
    "SECRET_KEY_BASE", "secretKey", "AWS_SECRET_ACCESS_KEY", "awsSecretAccessKey", "CLIENT_SECRET", "clientSecret",
    "OAUTH2_CLIENT_SECRET", "GITHUB_TOKEN", "githubToken", "GITHUBTOKEN", "TOKEN_GITHUB", "authToken", "AUTH_TOKEN",
    "access_token", "SIGNING_KEY", "ENCRYPTION_KEY", "privateKey", "JWT_SECRET", "DJANGO_SECRET", "SECRET", "token",
    "gcpCredentials", "APP_KEY",
]  # fmt: skip
NOT_NAMED = [
    "PASSWORD_FILE", "DB_PASSWORD_PATH", "passwordFile", "PASSWORDFILE", "SECRET_NAME", "secretName", "TOKEN_URL", "tokenEndpoint",
    "MAX_TOKEN", "MAX_TOKENS", "TOKEN_TTL", "tokenLifetime", "PASSWORD_MIN_LENGTH", "minPasswordLength", "AWS_ACCESS_KEY_ID",
    "privateKeyId", "PRIMARY_KEY", "SORT_KEY", "CACHE_KEY", "publicKey", "ROUTING_KEY", "BYPASS", "COMPASS", "PASS_THROUGH",
    "AUTHOR", "AUTHORITY", "MONKEY", "TOKENIZER", "IMAGE_PULL_SECRET", "TLS_SECRET", "USE_TOKEN", "ENABLE_PASSWORD",
    "PASSWORD_POLICY", "password_hash_algorithm", "KEY", "CLIENT_ID", "passwordless", "PWD", "OLDPWD",
]  # fmt: skip
BLANK = [
    "", "true", "false", "on", "off", "yes", "none", "42", "8080", "30s", "1h30m", "500ms", "24h", "PT15M", "10Mi", "/run/secrets/x",
    "./token", "~/.ssh/id_rsa", "certs/tls.key", "file:///run/token", "$(TOKEN)", "${TOKEN}", "$TOKEN", "{{ .Values.token }}",
    "<password>", "<your token here>", "***", "xxxx", "CHANGEME", "change-me", "REPLACE_ME", "your-api-key", "YOUR_TOKEN_HERE",
    "TODO", "REDACTED", "placeholder", "vault:secret/data/db#password", "op://vault/item/field", "ref+awsssm://x",
    "arn:aws:secretsmanager:eu-west-1:1:secret:x", "projects/p/secrets/s/versions/1", "%(password)s", "__TOKEN__",
]  # fmt: skip
FORMS = [
    "redis://:hunter2@redis:6379/0", "postgres://shop:correct-horse@db/shop",
    "amqp://u:p@rabbit//", "https://u:pass@host/x?y=1",
    "mongodb+srv://u:pw%40x@cluster.example.net/db", "jdbc:postgresql://u:pw1@db/x", "root:hunter2@tcp(mysql:3306)/shop",
    "jdbc:mysql://db/x?user=u&password=hunter2", "Server=db;User Id=sa;Password=hunter2;", "host=db user=u password=hunter2",
    "https://x.example.com/cb?client_secret=abcdef1234",
    f"ghp_{LETTERS[:36]}", f"gho_{LETTERS[:36]}", f"ghs_{LETTERS[:36]}", f"github_pat_{LETTERS[:22]}_{LETTERS[:40]}",
    f"glpat-{LETTERS[:20]}", f"gldt-{LETTERS[:20]}",
    f"glrt-{LETTERS[:20]}", "xoxb-123456789012-abcdefghijkl", "xapp-1-A1-2-abcdefghij",
    "https://hooks.slack.com/services/T0001/B0001/abcdefgh", "AKIAIOSFODNN7ABCDEFG", "ASIAIOSFODNN7ABCDEFG", f"AIza{LETTERS[:35]}",
    f"ya29.{LETTERS[:30]}", f"GOCSPX-{LETTERS[:28]}", f"npm_{LETTERS[:36]}", f"pypi-AgEIcHlwaS5vcmc{LETTERS[:30]}",
    f"dckr_pat_{LETTERS[:27]}", f"hvs.{LETTERS[:24]}", f"sk_live_{LETTERS[:24]}", f"rk_live_{LETTERS[:24]}",
    f"SG.{LETTERS[:22]}.{LETTERS[:43]}", f"sk-ant-{LETTERS[:40]}", f"sk-proj-{LETTERS[:40]}",
    f"hf_{LETTERS[:34]}", f"glsa_{LETTERS[:32]}_x",
    "123456789:AAabcdefghijklmnopqrstuvwxyzABCDEFG", f"AccountKey={LETTERS[:44]}==", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abcdefghijk",
    PEM, "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Blbn", "-----BEGIN PGP PRIVATE KEY BLOCK-----\n", "-----BEGIN PRIVATE KEY-----\nMII",
    base64.b64encode(PEM.encode() * 2).decode(), f"Authorization: Bearer {LETTERS[:30]}", "Basic dXNlcjpodW50ZXIy",
    f"//registry.npmjs.org/:_authToken={LETTERS[:20]}",
]  # fmt: skip
NO_FORMS = [
    "postgres://db:5432/shop", "redis://redis:6379", "http://backend:8000/x@y", "postgres://$(USER):$(PASSWORD)@db/x",
    "postgres://u:${PASSWORD}@db", "redis://:{{ password }}@r",
    "postgres://u:<password>@db", "postgres://u:****@db",
    "git@github.com:a/b.git",
    "-----BEGIN CERTIFICATE-----\nMII\n", "-----BEGIN PUBLIC KEY-----\n", "host=db user=u password=$(PASSWORD)", "a:b@c", "Bearer <token>",
    "basic", "Basic authentication", "https://example.com/?q=a:b", "sk-small", "npm_config_cache", "ghp_short", "sha256:0f1e2d3c4b5a6978",
    "docker-image://alpine:3@sha256:0f1e", "https://o1.ingest.sentry.io/2", "arn:aws:iam::123456789012:role/x", "user@example.com",
    base64.b64encode(b"-----BEGIN CERTIFICATE-----\nMIIEowIBAAKCAQEA\n-----END").decode(),
]  # fmt: skip
FILES = [
    ("application.properties", "server.port=8080\nspring.datasource.password=x1y2\n"),
    ("app.ini", "[db]\nuser = shop\npassword = hunter2 ; of the database\n"),
    ("config.yaml", "db:\n  user: shop\n  dbPassword: hunter2\n"),
    ("config.yaml", 'users:\n  - name: a\n    apiKey: "abc-123"\n'),
    ("settings.json", '{"db": {"user": "shop", "password": "hunter2"}}'),
    ("settings.toml", '[db]\npassword = "hunter2"\n'),
    (".env", "A=1\nexport GITHUB_TOKEN=abc123def\n"),
    ("env", "A=1\nPGPASSWORD=hunter2\n"),
    ("conf.xml", "<db>\n<user>shop</user>\n<password>hunter2</password>\n</db>"),
    ("core-site.xml", '<configuration>\n<property name="db.password" value="hunter2"/>\n</configuration>'),
    ("start.sh", "#!/bin/sh\nexport DB_PASSWORD=hunter2\nexec app\n"),
    ("init.py", 'import os\nDB_PASSWORD = "hunter2"\n'),
    ("redis.conf", 'port 6379\nrequirepass "hunter2"\n'),
]  # fmt: skip
CLEAN_FILES = [
    ("application.properties", "spring.datasource.password=${DB_PASSWORD}\nspring.datasource.username=shop\n"),
    ("app.ini", "[db]\n; password = hunter2\npassword_file = /run/secrets/db\n"),
    ("config.yaml", "secretName: web-tls\ntokenTTL: 24h\npasswordFile: /run/x\nmaxTokens: 100000\n"),
    ("config.yaml", "password:\n  valueFrom: x\nsecret: |\n  text\ntoken: *anchor\n"),
    ("settings.json", '{"auth": {"type": "oidc", "tokenUrl": "https://x/y"}, "maxTokens": 4096}'),
    ("start.sh", '#!/bin/sh\nPASSWORD="$(cat /run/secrets/x)"\nTOKEN=$TOKEN\n'),
    ("main.py", "token = request.headers.get('Authorization')\npassword = getpass()\nkey = api_key\n"),
    ("nginx.conf", "proxy_set_header Authorization $http_authorization;\nssl_certificate_key /etc/tls/tls.key;\n"),
    ("prometheus.yml", "authorization:\n  credentials_file: /var/run/secrets/token\n"),
    ("README.md", "# Password: ask the team\nThe token: see the vault.\n"),
]  # fmt: skip


@pytest.mark.parametrize("name", NAMED)
def test_a_name_of_any_shape_tells_a_secret(name: str) -> None:
    assert looks_secret(name, "correct horse 9")
    assert looks_secret(name, "hunter2")


@pytest.mark.parametrize("name", NOT_NAMED)
def test_a_name_that_speaks_about_a_secret_does_not_hold_it(name: str) -> None:
    assert not looks_secret(name, "correct-horse-9")


@pytest.mark.parametrize("value", BLANK)
@pytest.mark.parametrize("name", ["PASSWORD", "dbPassword", "API_TOKEN", "CLIENT_SECRET", "apiKey", "auth"])
def test_a_switch_a_duration_a_path_or_a_reference_is_no_secret(name: str, value: str) -> None:
    assert not looks_secret(name, value)


@pytest.mark.parametrize(("name", "value"), [
    ("auth", "webhook"), ("auth", "basic"), ("MAX_TOKEN", "100000"), ("API_TOKEN", "100000"), ("token", "oidc"), ("AUTH", "scram-sha-256"),
    ("credentials", "default"), ("TOKEN", "0x1f"), ("secret", "vault"), ("PROXY_AUTH", "ldap"),
])  # fmt: skip
def test_a_mode_or_a_number_is_no_secret(name: str, value: str) -> None:
    assert not looks_secret(name, value)


@pytest.mark.parametrize("value", ["postgres", "password", "secret", "123456", "admin"])
def test_a_weak_password_is_one(value: str) -> None:
    assert looks_secret("POSTGRES_PASSWORD", value)


@pytest.mark.parametrize("value", FORMS)
def test_a_form_of_credentials_tells_by_itself(value: str) -> None:
    assert looks_secret("", value)
    assert looks_secret("NOTE", f"see {value}")


@pytest.mark.parametrize("value", NO_FORMS)
def test_what_only_resembles_a_credential_is_none(value: str) -> None:
    assert not looks_secret("", value)


@pytest.mark.parametrize(("file", "text"), FILES, ids=str)
def test_a_secret_in_a_file_is_found(file: str, text: str) -> None:
    assert holds_secret(file, text)
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": {file: text}}
    judge = Judge(config, only="disallow-secrets-in-config-maps")
    assert judge.broken
    assert "hunter2" not in judge.messages


@pytest.mark.parametrize(("file", "text"), CLEAN_FILES, ids=str)
def test_a_file_without_secrets_passes(file: str, text: str) -> None:
    assert not holds_secret(file, text)


@pytest.mark.parametrize(("fields", "fails"), [
    ({"c__args": ["--auth=webhook"]}, False),
    ({"c__args": ["--auth", "webhook", "--v=2"]}, False),
    ({"c__args": ["--max-token=100000", "--token-ttl=24h", "--tls-private-key-file=/x"]}, False),
    ({"c__args": ["--requirepass", "hunter2"]}, True),
    ({"c__args": ["--dbPassword=hunter2"]}, True),
    ({"c__command": ["sh", "-c", "PGPASSWORD=hunter2 psql -h db"]}, True),
    ({"c__command": ["sh", "-c", "exec app --token 'a1b2c3' --x"]}, True),
    ({"c__command": ["sh", "-c", "PGPASSWORD=$(cat /run/x) psql --password-file /y"]}, False),
    ({"c__args": ["redis://:hunter2@redis"]}, True),
    ({"c__livenessProbe__exec": {"command": ["redis-cli", "--pass", "hunter2"]}}, True),
    ({"c__livenessProbe__httpGet__httpHeaders": [{"name": "Authorization", "value": "Basic dXNlcjpodW50ZXIy"}]}, True),
    ({"c__livenessProbe__httpGet__httpHeaders": [{"name": "Accept", "value": "application/json"}]}, False),
])  # fmt: skip
def test_a_secret_in_any_command_line_is_found(fields: dict[str, object], *, fails: bool) -> None:
    name = "disallow-secrets-in-arguments"
    assert (Judge(web(**fields), only=name).broken == {name}) == fails


@given(name=st.text(max_size=40), value=st.text(max_size=200))
def test_no_text_makes_the_search_throw(name: str, value: str) -> None:
    looks_secret(name, value)
    holds_secret(f"{name}.yaml", f"{name}: {value}\n{value}={name}\n")


@given(st.sampled_from(["a" * 40, "=", ":", "-", "x://", "<", '"', "\\", " ", "key", "\n"]), st.integers(1, 4000))
def test_searching_takes_time_in_proportion_to_the_text(piece: str, times: int) -> None:
    looks_secret("password", piece * times)
    holds_secret("x.xml", f"key{piece * times}</")
