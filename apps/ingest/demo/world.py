"""The platform that the demo tells of: its flows, pools and people are always the same."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import NAMESPACE_URL, uuid5

Labels = dict[str, str]

LABEL = "eventfeed.demo"  # on every primary resource, so that all can be found and removed

# As text, because a list of one word a line would bury the tables below.
ADJECTIVES = (  # noqa: SIM905
    "amber brave calm crimson curious daring eager gentle golden hidden icy jolly keen lucid "
    "mellow nimble olive patient quiet rapid silver tidy urbane vivid wise zealous"
).split()
ANIMALS = (  # noqa: SIM905
    "badger beetle crane dolphin eagle falcon ferret fox gecko heron ibis jackdaw koala lemur "
    "lynx marten newt otter owl panda puffin raven seal tapir turtle vole walrus wombat yak"
).split()


@dataclass(frozen=True)
class Pool:
    name: str
    type: str

    @property
    def labels(self) -> Labels:
        return known("work-pool", self.name) | {"prefect.work-pool.type": self.type}


@dataclass(frozen=True)
class Flow:
    name: str
    deployment: str
    pool: Pool
    team: str
    tasks: tuple[str, ...]
    errors: tuple[str, ...]
    task_seconds: float
    asset: str | None = None

    @property
    def labels(self) -> Labels:
        return known("flow", self.name)

    @property
    def deployment_labels(self) -> Labels:
        return known("deployment", f"{self.name}/{self.deployment}")

    @property
    def queue_labels(self) -> Labels:
        return known("work-queue", "default", f"{self.pool.name}/default")

    @property
    def tag_labels(self) -> Labels:
        return {"prefect.resource.id": f"prefect.tag.{self.team}"}


def known(kind: str, name: str, key: str | None = None) -> Labels:
    """Return the labels of a resource whose id is the same in every demo."""
    number = uuid5(NAMESPACE_URL, f"eventfeed-demo/{kind}/{key or name}")
    return {"prefect.resource.id": f"prefect.{kind}.{number}", "prefect.resource.name": name}


KUBERNETES = Pool("k8s-prod", "kubernetes")
GPU = Pool("gpu-pool", "kubernetes")
PROCESS = Pool("local-process", "process")
DOCKER = Pool("docker-etl", "docker")
POOLS = (KUBERNETES, GPU, PROCESS, DOCKER)

FLOWS = (
    Flow(
        "nightly-orders",
        "production",
        KUBERNETES,
        "orders",
        ("extract_orders", "validate_schema", "load_partition", "refresh_marts"),
        (
            "ValueError: 3 partitions missing for 2026-11-20",
            "psycopg.errors.UniqueViolation: duplicate key value violates unique constraint "
            '"orders_pkey"',
        ),
        6.0,
        "postgres://warehouse/orders",
    ),
    Flow(
        "customer-sync",
        "hourly",
        DOCKER,
        "crm",
        ("fetch_customers", "deduplicate", "upsert_customers"),
        (
            "httpx.ConnectTimeout: crm.acme.com:443 did not answer within 30 s",
            "HTTPStatusError: 429 Too Many Requests for url 'https://crm.acme.com/v2/customers'",
        ),
        3.0,
        "postgres://warehouse/customers",
    ),
    Flow(
        "train-churn-model",
        "weekly",
        GPU,
        "ml",
        ("build_features", "fit_model", "evaluate", "register_model"),
        (
            "RuntimeError: CUDA out of memory. Tried to allocate 2.50 GiB",
            "AssertionError: AUC 0.61 is below the threshold of 0.75",
        ),
        14.0,
        "s3://acme-models/churn",
    ),
    Flow(
        "dbt-marts",
        "production",
        DOCKER,
        "analytics",
        ("stg_orders", "stg_customers", "fct_orders", "dim_customers"),
        (
            'Database Error in model fct_orders: relation "raw.orders" does not exist',
            "Compilation Error in model dim_customers: depends on a node named 'stg_people'",
        ),
        4.0,
        "snowflake://marts/fct_orders",
    ),
    Flow(
        "invoice-mailer",
        "daily",
        PROCESS,
        "billing",
        ("collect_invoices", "render_pdf", "send_mail"),
        ("smtplib.SMTPServerDisconnected: Connection unexpectedly closed",),
        2.0,
    ),
    Flow(
        "clickstream-sessions",
        "every-10-minutes",
        KUBERNETES,
        "web",
        ("read_topic", "sessionize", "write_parquet"),
        ("KafkaError: Offset 88,412,907 out of range for partition clicks-7",),
        2.5,
        "s3://acme-lake/sessions",
    ),
    Flow(
        "inventory-check",
        "production",
        PROCESS,
        "orders",
        ("count_stock", "compare", "alert_on_shortage"),
        ("KeyError: 'sku-40412'",),
        1.5,
    ),
)
