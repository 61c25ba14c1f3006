"""Secrets are unreadable before they are stored, and what is none stays as it was told."""

import base64
import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.events.draft import Draft
from apps.ingest.doors.refusals import harmless
from apps.ingest.masking import DEFAULT, Rules, masked, sounds_secret
from apps.ingest.overwriting import masked_bytes

ID = "prefect.resource.id"


def draft(payload: Any = None, **fields: Any) -> Draft:
    told: dict[str, Any] = {"resource": {ID: "orders.1"}, "payload": payload or {}, **fields}
    return Draft(
        id=UUID(int=1), occurred=datetime(2026, 1, 2, tzinfo=UTC), event="orders.happened", **told
    )


def payload_of(payload: Any, rules: Rules = DEFAULT) -> Any:
    return masked(draft(payload), rules).payload


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("postgresql://me:hunter2@db/orders", "postgresql://me:***@db/orders"),
        ("see redis://:hunter2@cache:6379, thanks", "see redis://:***@cache:6379, thanks"),
        ("https://me:p@ss@host/a@b", "https://me:***@host/a@b"),
        ("jdbc:postgresql://db/o?user=me&password=hunter2&ssl=true",
         "jdbc:postgresql://db/o?user=me&password=***&ssl=true"),
        ("jdbc:sqlserver://db;user=me;Password=hunter2;x=1",
         "jdbc:sqlserver://db;user=me;Password=***;x=1"),
        ("https://store/x?sv=1&sig=abc%3D", "https://store/x?sv=1&sig=***"),
        ("jdbc:oracle:thin:scott/hunter2@h:1521:o", "jdbc:oracle:thin:scott/***@h:1521:o"),
        ("jdbc:oracle:oci:scott/p@ss@//h:1521/o/a@b", "jdbc:oracle:oci:scott/***@//h:1521/o/a@b"),
        ('jdbc:oracle:thin:scott/"hunter2"@h', 'jdbc:oracle:thin:scott/"***"@h'),
        ("jdbc:oracle:thin:@//h:1521/orders", "jdbc:oracle:thin:@//h:1521/orders"),
        ("at Blob.open(DefaultEndpointsProtocol=https;AccountName=me;AccountKey=aGk+/w==;x=1)",
         "at Blob.open(DefaultEndpointsProtocol=https;AccountName=me;AccountKey=***;x=1)"),
        ("by:\nAccountKey=aGk+/w==\n\tat Blob.open", "by:\nAccountKey=***\n\tat Blob.open"),
        ("Server=db;User Id=me;Password=hunter2;x=1", "Server=db;User Id=me;Password=***;x=1"),
        ("SharedAccessKeyName=a;SharedAccessKey=aGk=", "SharedAccessKeyName=a;SharedAccessKey=***"),
        ("jdbc:teradata://db/USER=me,PASSWORD=hunter2", "jdbc:teradata://db/USER=me,PASSWORD=***"),
        ("WHERE password = :p AND key=4", "WHERE password = :p AND key=4"),
        ("https://host:8080/a@b", "https://host:8080/a@b"),
        ("me@example.org: https://host", "me@example.org: https://host"),
        ("s3://bucket/token=abc", "s3://bucket/token=abc"),
    ],
)  # fmt: skip
def test_passwords_in_addresses_are_masked_wherever_they_stand(told, kept):
    assert payload_of({"deep": [{"uri": told}]}) == {"deep": [{"uri": kept}]}
    assert payload_of({"spent": {told: 3}}) == {"spent": {kept: 3}}
    seen = masked(draft(resource={ID: told}, related=[{ID: told}], message=told))
    assert (seen.resource, seen.related, seen.message) == ({ID: kept}, [{ID: kept}], kept)


def test_environment_variables_and_spark_properties_are_masked_by_their_names():
    facets = {
        "environmentVariables": {
            "environmentVariables": [
                {"name": "AWS_SECRET_ACCESS_KEY", "value": "hunter2"},
                {"name": "HOME", "value": "/root"},
            ]
        },
        "spark_properties": {
            "properties": {"spark.hadoop.fs.s3a.secret.key": "hunter2", "spark.master": "local"}
        },
    }
    kept = payload_of({"run": {"facets": facets}})["run"]["facets"]
    assert kept["environmentVariables"]["environmentVariables"] == [
        {"name": "AWS_SECRET_ACCESS_KEY", "value": "***"},
        {"name": "HOME", "value": "/root"},
    ]
    assert kept["spark_properties"]["properties"] == {
        "spark.hadoop.fs.s3a.secret.key": "***",
        "spark.master": "local",
    }


def test_a_source_can_name_keys_of_its_own_and_switch_the_defaults_off():
    told: dict[str, Any] = {
        "card": {"number": "4111"},
        "Card-Holder": "Ada",
        "uri": "ftp://me:hunter2@host",
    }
    rules = Rules.of({"keys": ["card*"], "passwords": False})
    assert payload_of(told, rules) == {"card": "***", "Card-Holder": "***", "uri": told["uri"]}


def test_what_an_event_is_about_is_never_masked_away():
    about = {ID: "orders.1", "team": "ml"}
    kept = masked(draft(resource=about), Rules(keys=("*",)))
    assert kept.resource == {ID: "orders.1", "team": "***"}


def test_an_event_without_secrets_is_the_very_same():
    plain = draft({"uri": "s3://bucket/key", "sql": "SELECT 1 WHERE a = b"})
    assert masked(plain) is plain


@pytest.mark.parametrize("count", [0, 3, 500])
def test_a_secret_among_many_settings_is_found(count: int):
    others = "".join(f";option{number}={number}" for number in range(count))
    told = payload_of({"uri": f"Server=db{others};Password=hunter2{others}"})
    assert told == {"uri": f"Server=db{others};Password=***{others}"}


def test_rules_are_read_as_they_were_stored():
    rules = Rules(passwords=False, keys=("a", "b*"))
    assert Rules.of(rules.stored()) == rules
    assert Rules.of({}) == Rules()


@given(st.binary())
def test_bytes_keep_their_length_whatever_they_are(body):
    assert len(masked_bytes(body)) == len(body)


def test_the_body_of_a_rejection_hides_what_is_named_as_a_secret():
    body = (
        b'{"api_key": "hunter2", "name": "DB_PASSWORD", "value": "hunter2", "u": "a://b:hunter2@c"}'
    )
    assert b"hunter2" not in masked_bytes(body)
    assert masked_bytes(body).startswith(b'{"api_key": "*******", "name": ')


MINE = Rules(keys=("card*", "ssn"))


@pytest.mark.parametrize(
    "told",
    [
        b'{"card": "hunter2", "a": 1}',
        b'{"a": {"Card-No": "hunter2"}',
        b'[{"ssn": {"of": ["hunter2", {"deep": "hunter2"}]}}, oops',
        rb'{"s\u0073n": "hunter2"}',
        b'{"ssn": "hunter2',
        b'{"uri": "jdbc:postgresql://db/x?user=u&password=hunter2"}',
        b'{"uri": "jdbc:oracle:thin:scott/hunter2@h:1521"}',
        rb'{"uri": "jdbc:oracle:thin:scott\/\"hunter2\"@h:1521"}',
        b'{"jdbc:oracle:thin:scott/hunter2@h:1521": 1}',
        rb'{"stack": "Caused by:\nAccountKey=hunter2"}',
        rb'{"uri": "jdbc:postgresql://db/x?user=u\u0026password=hunter2"}',
        rb'{"Message": "{\"uri\": \"https://x/?a=1&password=hunter2\", \"ssn\": \"hunter2\"}"}',
        b'{"environmentVariables": [{"value": "hunter2", "name": "DB_PASSWORD"}]}',
        b'{"environmentVariables": [{"name": "DBPASS", "value": "hunter2"}]}',
        b'{"environmentVariables": [{"value": "hunter2"',
        b'{"spark_properties": {"properties": {"spark.github.pat": "hunter2"}}}',
        b'{"data": "' + base64.b64encode(b'{"ssn": "hunter2", "b": "cd"}') + b'"}',
        b"?Action=ConfirmSubscription&TopicArn=a&Token=hunter2",
    ],
)
def test_the_body_of_a_rejection_hides_what_its_source_names(told: bytes) -> None:
    hidden = masked_bytes(told, MINE)
    assert len(hidden) == len(told)
    assert b"hunter2" not in hidden
    assert base64.b64encode(b'{"ssn": "hunter2"')[:20] not in hidden


def test_the_body_of_a_rejection_stays_json_and_what_is_no_secret_stays() -> None:
    told = {
        "ssn": [12.5, -3, True, None, 0],
        "n": [{"name": "PATH", "value": "/bin"}, {"name": "n", "value": 5}],
        "inner": json.dumps({"a": 'ä/"b"', "ssn": 123}),
        "data": base64.b64encode(b"nothing to see here at all").decode(),
    }
    hidden = json.loads(masked_bytes(json.dumps(told).encode(), MINE))
    assert hidden["ssn"] == [99.9, -9, None, None, 9]
    assert (hidden["n"], hidden["data"]) == (told["n"], told["data"])
    assert json.loads(hidden["inner"]) == {"a": 'ä/"b"', "ssn": 999}


def test_a_key_is_found_in_the_map_of_a_binary_message() -> None:
    attribute = b"\x0a\x03ssn\x12\x09\x0a\x07hunter2"
    label = b"\x0a\x03ssn\x12\x07hunter2\x1a\x00"
    hidden = masked_bytes(attribute + label, MINE)
    assert hidden == (attribute + label).replace(b"hunter2", b"*******")


SECRETS = """
    DBPASS DB_PASS MYSQL_PASS PASS GITHUB_PAT githubpat PAT PGPASSWORD DB_PWD SSH_PASSPHRASE SSH_KEY
    AIRFLOW__CORE__FERNET_KEY AZURE_STORAGE_CONNECTION_STRING spark.hadoop.fs.s3a.secret.key X_AUTH
    CLIENT_JWT
"""
NO_SECRETS = """
    PATH PYTHONPATH LD_LIBRARY_PATH COMPASS BYPASS COMPAT PATTERN PWD OLDPWD HOME PASSENGERS AUTHOR
    PARTITION_KEY spark.sql.shuffle.partitions KEYBOARD SPATIAL PASSIVE_MODE
"""


@pytest.mark.parametrize("name", SECRETS.split())
def test_a_name_that_sounds_like_a_secret(name: str) -> None:
    assert sounds_secret(name)


@pytest.mark.parametrize("name", NO_SECRETS.split())
def test_a_name_that_does_not_sound_like_a_secret(name: str) -> None:
    assert not sounds_secret(name)


def test_headers_are_kept_without_what_lets_somebody_in():
    headers = {"authorization": "Bearer x", "cookie": "a", "x-api-key": "b", "ce-id": "1"}
    assert harmless(headers) == {"ce-id": "1"}
