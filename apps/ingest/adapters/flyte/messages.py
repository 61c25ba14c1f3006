"""The messages and enums of `flyteidl.event`, as tables.

https://github.com/flyteorg/flyte/blob/v1.16.8/flyteidl/protos/flyteidl/event/event.proto
"""

from apps.ingest.adapters.flyte.forms import (
    COUNT,
    DURATION,
    FLAG,
    NUMBER,
    STRUCT,
    TEXT,
    TIME,
    WHOLE_MESSAGE,
    Repeated,
    enum,
    message,
    texts_by_key,
)

# The three enums of phases number differently: 5 is FAILING, FAILED and FAILED.
WORKFLOW_PHASES = (
    *("UNDEFINED", "QUEUED", "RUNNING", "SUCCEEDING", "SUCCEEDED"),
    *("FAILING", "FAILED", "ABORTED", "TIMED_OUT", "ABORTING"),
)
NODE_PHASES = (
    *("UNDEFINED", "QUEUED", "RUNNING", "SUCCEEDED", "FAILING", "FAILED"),
    *("ABORTED", "SKIPPED", "TIMED_OUT", "DYNAMIC_RUNNING", "RECOVERED"),
)
TASK_PHASES = (
    *("UNDEFINED", "QUEUED", "RUNNING", "SUCCEEDED", "ABORTED", "FAILED"),
    *("INITIALIZING", "WAITING_FOR_RESOURCES", "RETRYABLE_FAILED"),
)
CACHE_STATUSES = (
    *("CACHE_DISABLED", "CACHE_MISS", "CACHE_HIT", "CACHE_POPULATED"),
    *("CACHE_LOOKUP_FAILURE", "CACHE_PUT_FAILURE", "CACHE_SKIPPED", "CACHE_EVICTED"),
)
RESERVATION_STATUSES = (
    *("RESERVATION_DISABLED", "RESERVATION_ACQUIRED", "RESERVATION_EXISTS"),
    *("RESERVATION_RELEASED", "RESERVATION_FAILURE"),
)
RESOURCE_TYPES = ("UNSPECIFIED", "TASK", "WORKFLOW", "LAUNCH_PLAN", "DATASET")
ERROR_KINDS = ("UNKNOWN", "USER", "SYSTEM")
LOG_FORMATS = ("UNKNOWN", "CSV", "JSON")
INSTANCE_CLASSES = ("DEFAULT", "INTERRUPTIBLE")

INPUT_VALUE = ("input_uri", "input_data")
OUTPUT_RESULT = ("output_uri", "error", "output_data")

IDENTIFIER = message(
    resource_type=enum(*RESOURCE_TYPES),
    project=TEXT,
    domain=TEXT,
    name=TEXT,
    version=TEXT,
    org=TEXT,
)
WORKFLOW_EXECUTION_ID = message(project=TEXT, domain=TEXT, name=TEXT, org=TEXT)
NODE_EXECUTION_ID = message(node_id=TEXT, execution_id=WORKFLOW_EXECUTION_ID)
TASK_EXECUTION_ID = message(
    task_id=IDENTIFIER, node_execution_id=NODE_EXECUTION_ID, retry_attempt=COUNT
)
ERROR = message(
    code=TEXT,
    message=TEXT,
    error_uri=TEXT,
    kind=enum(*ERROR_KINDS),
    timestamp=TIME,
    worker=TEXT,
)
# Two names are in CamelCase in the proto, and so in JSON of either casing.
TASK_LOG = message(
    uri=TEXT,
    name=TEXT,
    message_format=enum(*LOG_FORMATS),
    ttl=DURATION,
    ShowWhilePending=FLAG,
    HideOnceFinished=FLAG,
)
CONTAINER = message(
    container_name=TEXT,
    process=message(container_start_time=TIME, container_end_time=TIME),
)
POD = message(
    namespace=TEXT,
    pod_name=TEXT,
    containers=Repeated(CONTAINER),
    primary_container_name=TEXT,
    init_containers=Repeated(CONTAINER),
)
LOG_CONTEXT = message(pods=Repeated(POD), primary_pod_name=TEXT)
CATALOG = message(
    dataset_id=IDENTIFIER,
    artifact_tag=message(artifact_id=TEXT, name=TEXT),
    source_task_execution=TASK_EXECUTION_ID,
)
WORKFLOW_NODE = message(execution_id=WORKFLOW_EXECUTION_ID)
TASK_NODE = message(
    cache_status=enum(*CACHE_STATUSES),
    catalog_key=CATALOG,
    reservation_status=enum(*RESERVATION_STATUSES),
    checkpoint_uri=TEXT,
    dynamic_workflow=message(
        id=IDENTIFIER, compiled_workflow=WHOLE_MESSAGE, dynamic_job_spec_uri=TEXT
    ),
)
EXTERNAL_RESOURCE = message(
    external_id=TEXT,
    index=COUNT,
    retry_attempt=COUNT,
    phase=enum(*TASK_PHASES),
    cache_status=enum(*CACHE_STATUSES),
    logs=Repeated(TASK_LOG),
    workflow_node_metadata=WORKFLOW_NODE,
    custom_info=STRUCT,
    log_context=LOG_CONTEXT,
)
TASK_METADATA = message(
    generated_name=TEXT,
    external_resources=Repeated(EXTERNAL_RESOURCE),
    resource_pool_info=Repeated(message(allocation_token=TEXT, namespace=TEXT)),
    plugin_identifier=TEXT,
    instance_class=enum(*INSTANCE_CLASSES),
)

WORKFLOW_EVENT = message(
    {"output_result": OUTPUT_RESULT},
    execution_id=WORKFLOW_EXECUTION_ID,
    producer_id=TEXT,
    phase=enum(*WORKFLOW_PHASES),
    occurred_at=TIME,
    output_uri=TEXT,
    error=ERROR,
    output_data=WHOLE_MESSAGE,
)
NODE_EVENT = message(
    {
        "input_value": INPUT_VALUE,
        "output_result": OUTPUT_RESULT,
        "target_metadata": ("workflow_node_metadata", "task_node_metadata"),
    },
    id=NODE_EXECUTION_ID,
    producer_id=TEXT,
    phase=enum(*NODE_PHASES),
    occurred_at=TIME,
    input_uri=TEXT,
    input_data=WHOLE_MESSAGE,
    output_uri=TEXT,
    error=ERROR,
    output_data=WHOLE_MESSAGE,
    workflow_node_metadata=WORKFLOW_NODE,
    task_node_metadata=TASK_NODE,
    parent_task_metadata=message(id=TASK_EXECUTION_ID),
    parent_node_metadata=message(node_id=TEXT),
    retry_group=TEXT,
    spec_node_id=TEXT,
    node_name=TEXT,
    event_version=NUMBER,
    is_parent=FLAG,
    is_dynamic=FLAG,
    deck_uri=TEXT,
    reported_at=TIME,
    is_array=FLAG,
    target_entity=IDENTIFIER,
    is_in_dynamic_chain=FLAG,
    is_eager=FLAG,
)
TASK_EVENT = message(
    {"input_value": INPUT_VALUE, "output_result": OUTPUT_RESULT},
    task_id=IDENTIFIER,
    parent_node_execution_id=NODE_EXECUTION_ID,
    retry_attempt=COUNT,
    phase=enum(*TASK_PHASES),
    producer_id=TEXT,
    logs=Repeated(TASK_LOG),
    occurred_at=TIME,
    input_uri=TEXT,
    input_data=WHOLE_MESSAGE,
    output_uri=TEXT,
    error=ERROR,
    output_data=WHOLE_MESSAGE,
    custom_info=STRUCT,
    phase_version=COUNT,
    reason=TEXT,
    task_type=TEXT,
    metadata=TASK_METADATA,
    event_version=NUMBER,
    reported_at=TIME,
    reasons=Repeated(message(reason=TEXT, occurred_at=TIME)),
    log_context=LOG_CONTEXT,
)

# What flyteadmin puts around an event when it publishes it as a CloudEvent of version 2.
ARTIFACT_ID = message(
    artifact_key=message(project=TEXT, domain=TEXT, name=TEXT, org=TEXT),
    version=TEXT,
    partitions=WHOLE_MESSAGE,
    time_partition=WHOLE_MESSAGE,
)
PUBLISHED = {
    "workflows": message(
        raw_event=WORKFLOW_EVENT,
        output_interface=WHOLE_MESSAGE,
        artifact_ids=Repeated(ARTIFACT_ID),
        reference_execution=WORKFLOW_EXECUTION_ID,
        principal=TEXT,
        launch_plan_id=IDENTIFIER,
        labels=texts_by_key(),
    ),
    "nodes": message(
        raw_event=NODE_EVENT,
        task_exec_id=TASK_EXECUTION_ID,
        output_interface=WHOLE_MESSAGE,
        artifact_ids=Repeated(ARTIFACT_ID),
        principal=TEXT,
        launch_plan_id=IDENTIFIER,
        labels=texts_by_key(),
    ),
    "tasks": message(raw_event=TASK_EVENT, labels=texts_by_key()),
}
EXECUTION_START = message(
    execution_id=WORKFLOW_EXECUTION_ID,
    launch_plan_id=IDENTIFIER,
    workflow_id=IDENTIFIER,
    artifact_ids=Repeated(ARTIFACT_ID),
    artifact_trackers=Repeated(TEXT),
    principal=TEXT,
)

EVENTS = {"workflows": WORKFLOW_EVENT, "nodes": NODE_EVENT, "tasks": TASK_EVENT}
REQUESTS = {kind: message(request_id=TEXT, event=event) for kind, event in EVENTS.items()}
