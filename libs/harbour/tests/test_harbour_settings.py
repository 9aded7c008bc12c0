"""Settings: defaults in development, one message for everything missing in production."""

from pathlib import Path

import pytest
from harbour.settings import (
    DatabaseSettings,
    Environment,
    LogLevel,
    Reader,
    RedisSettings,
    SettingsError,
    open_reader,
    read_common,
    read_database,
    read_redis,
)


def test_development_needs_no_variable_at_all(tmp_path: Path) -> None:
    reader = open_reader({}, tmp_path)
    assert read_common(reader).environment is Environment.DEVELOPMENT
    assert read_database(reader) == DatabaseSettings(
        host="localhost", port=5432, name="harbour", user="harbour", password="harbour", pool_size=8
    )
    assert read_redis(reader) == RedisSettings(host="localhost", port=6379, password=None)
    reader.finish()


def test_production_names_every_missing_variable_in_one_message(tmp_path: Path) -> None:
    reader = open_reader({"ENVIRONMENT": "production", "DATABASE_HOST": "db", "REDIS_HOST": ""}, tmp_path)
    read_database(reader)
    read_redis(reader)
    with pytest.raises(SettingsError) as caught:
        reader.finish()
    named = [problem.variable for problem in caught.value.problems]
    assert named == ["DATABASE_NAME", "DATABASE_USER", "DATABASE_PASSWORD", "REDIS_HOST", "REDIS_PASSWORD"]
    message = str(caught.value)
    assert message.startswith("cannot start: 5 settings are missing or wrong\n")
    assert "  DATABASE_PASSWORD is not set. Set DATABASE_PASSWORD, or DATABASE_PASSWORD_FILE to the path" in message


def test_a_password_is_read_from_the_file_that_its_variable_names(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("s3cret with spaces \n", encoding="utf-8")
    reader = open_reader({"REDIS_PASSWORD_FILE": str(file)}, tmp_path)
    assert read_redis(reader).password == "s3cret with spaces "
    reader.finish()


def test_an_unreadable_file_is_told_once_with_its_path(tmp_path: Path) -> None:
    reader = open_reader({"ENVIRONMENT": "production", "DATABASE_PASSWORD_FILE": "/nowhere/password"}, tmp_path)
    reader.text("DATABASE_PASSWORD", development="")
    with pytest.raises(SettingsError, match="names /nowhere/password, which cannot be read: No such file") as caught:
        reader.finish()
    assert len(caught.value.problems) == 1


def test_a_variable_and_its_file_together_are_refused(tmp_path: Path) -> None:
    reader = open_reader({"REDIS_PASSWORD": "a", "REDIS_PASSWORD_FILE": "/b"}, tmp_path)
    read_redis(reader)
    with pytest.raises(SettingsError, match="REDIS_PASSWORD and REDIS_PASSWORD_FILE are both set"):
        reader.finish()


@pytest.mark.parametrize("wrong", ["abc", "-1", "0", "65536", "1e3", "٣", "80 80"])
def test_a_port_that_is_none_is_refused_with_its_bounds(wrong: str) -> None:
    reader = Reader({"REDIS_PORT": wrong})
    read_redis(reader)
    with pytest.raises(SettingsError, match=r"REDIS_PORT is .* Set it to a whole number from 1 to 65535"):
        reader.finish()


def test_an_unknown_environment_and_log_level_list_what_is_known() -> None:
    reader = Reader({"ENVIRONMENT": "staging", "LOG_LEVEL": "loud"})
    read_common(reader)
    with pytest.raises(SettingsError) as caught:
        reader.finish()
    assert "ENVIRONMENT is 'staging'. Set it to development or production." in str(caught.value)
    assert "LOG_LEVEL is 'loud'. Set it to debug, info, warning or error." in str(caught.value)


def test_the_log_level_is_read_in_any_case() -> None:
    assert read_common(Reader({"LOG_LEVEL": "WARNING"})).log_level is LogLevel.WARNING


def test_a_dotenv_file_fills_in_and_the_environment_wins(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(
        "# local\nexport DATABASE_HOST=from-file\nDATABASE_NAME='quoted name'\nREDIS_PASSWORD=from-file\n",
        encoding="utf-8",
    )
    secret = tmp_path / "secret"
    secret.write_text("from-secret", encoding="utf-8")
    reader = open_reader({"DATABASE_NAME": "from-environment", "REDIS_PASSWORD_FILE": str(secret)}, tmp_path)
    database = read_database(reader)
    assert (database.host, database.name) == ("from-file", "from-environment")
    assert read_redis(reader).password == "from-secret"
    reader.finish()


def test_an_env_file_that_is_named_must_exist(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"ENV_FILE names .*absent\.env, which is no file"):
        open_reader({"ENV_FILE": str(tmp_path / "absent.env")}, tmp_path).finish()


def test_passwords_do_not_show_when_settings_are_printed() -> None:
    reader = Reader({"DATABASE_PASSWORD": "hidden-1", "REDIS_PASSWORD": "hidden-2"})
    assert "hidden" not in repr((read_database(reader), read_redis(reader)))
