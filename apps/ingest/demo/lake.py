"""The datasets of the demo's platform, where its systems meet: one writes what another reads."""

from typing import NamedTuple


class Dataset(NamedTuple):
    """A dataset as OpenLineage names it, and its columns with their types."""

    namespace: str
    name: str
    fields: tuple[tuple[str, str], ...] = ()

    @property
    def uri(self) -> str:
        return f"{self.namespace}/{self.name}"


KAFKA, LAKE, WAREHOUSE = "kafka://broker.acme.com:9092", "s3://acme-lake", "snowflake://acme-eu"

ORDER = (("order_id", "string"), ("customer_id", "string"), ("amount", "decimal(12,2)"))
CUSTOMER = (("customer_id", "string"), ("country", "string"), ("since", "date"))

ORDERS = Dataset(KAFKA, "orders", ORDER)
ORDERS_ENRICHED = Dataset(LAKE, "orders_enriched", (*ORDER, ("country", "string")))
CUSTOMERS = Dataset(WAREHOUSE, "acme.raw.customers", CUSTOMER)
STG_ORDERS = Dataset(WAREHOUSE, "acme.staging.stg_orders", ORDER)
FCT_ORDERS = Dataset(WAREHOUSE, "acme.marts.fct_orders", (*ORDER, ("country", "string")))
DIM_CUSTOMERS = Dataset(WAREHOUSE, "acme.marts.dim_customers", CUSTOMER)
CHURN_FEATURES = Dataset(
    LAKE, "churn/features", (("customer_id", "string"), ("recency", "int"), ("orders", "int"))
)
CHURN_SCORES = Dataset(LAKE, "churn/scores", (("customer_id", "string"), ("score", "double")))
