"""Whatever is asked of the read API by its own schema, the answer is never that we broke."""

import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance

from tests.crash.up import Up

CHECKS = [not_a_server_error, response_schema_conformance]
PATIENT = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def test_no_request_of_the_schema_breaks_the_api(up: Up):
    schema = schemathesis.openapi.from_url(f"http://127.0.0.1:{up.port}/api/schema")
    operations = [schema[path][method] for path in schema for method in schema[path]]
    assert operations
    for operation in operations:

        @PATIENT
        @given(case=operation.as_strategy())
        def ask(case: schemathesis.Case) -> None:
            case.call_and_validate(checks=CHECKS)

        ask()
