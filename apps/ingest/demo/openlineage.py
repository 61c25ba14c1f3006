"""OpenLineage on the demo's platform: Airflow's DAGs, Spark's jobs in them and dbt's models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from apps.ingest.demo.lake import (
    CHURN_FEATURES,
    CHURN_SCORES,
    CUSTOMERS,
    DIM_CUSTOMERS,
    FCT_ORDERS,
    ORDERS_ENRICHED,
    STG_ORDERS,
    Dataset,
)
from apps.ingest.demo.story import Message, Story

SPEC = "https://openlineage.io/spec"
SENDERS = "https://github.com/OpenLineage/OpenLineage/tree/1.54.0/integration"
ENGINES = {"airflow": "2.11.0", "spark": "3.5.4", "dbt": "1.10.15", "flink": "2.1.0"}
MODELS = (
    (STG_ORDERS, (ORDERS_ENRICHED,), "select order_id, customer_id, amount\nfrom orders_enriched"),
    (DIM_CUSTOMERS, (CUSTOMERS,), "select customer_id, country, since\nfrom raw.customers"),
    (
        FCT_ORDERS,
        (STG_ORDERS, DIM_CUSTOMERS),
        "select o.order_id, o.customer_id, o.amount, c.country\n"
        "from staging.stg_orders as o\njoin marts.dim_customers as c using (customer_id)",
    ),
)
SCORE_SQL = """\
insert overwrite table churn.scores
select customer_id, 1 / (1 + exp(-(0.31 * recency - 0.08 * orders))) as score
from churn.features"""
DBT_ERROR = (
    "Database Error in model fct_orders (models/marts/fct_orders.sql)\n"
    "  000904 (42000): SQL compilation error: invalid identifier 'O.DISCOUNT'"
)
SPARK_ERROR = "Job aborted due to stage failure: Task 41 in stage 7.0 failed 4 times"
SPARK_STACK = (
    "org.apache.spark.SparkException: " + SPARK_ERROR + "\n"
    "\tat org.apache.spark.scheduler.DAGScheduler.failJobAndIndependentStages"
    "(DAGScheduler.scala:2856)\n"
    "Caused by: java.io.FileNotFoundException: s3://acme-lake/churn/features/part-00041.parquet"
)


def facet(schema: str, **values: object) -> Message:
    return {"_producer": SENDERS, "_schemaURL": f"{SPEC}/facets/{schema}", **values}


@dataclass
class Run:
    """A run of a job, as one of OpenLineage's integrations tells of it."""

    story: Story
    integration: str
    namespace: str
    name: str
    type: str
    parent: Run | None = None
    processing: str = "BATCH"
    job_facets: Mapping[str, Message] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.id = self.story.some_id()

    @property
    def root(self) -> Run:
        return self.parent.root if self.parent else self

    def tell(
        self,
        event_type: str | None,
        inputs: Sequence[Dataset] = (),
        outputs: Sequence[Dataset] = (),
        *,
        error: tuple[str, str | None] | None = None,
        rows: int | None = None,
        checked: str | None = None,
        **more: Message,
    ) -> None:
        """Tell an event, with more facets of its run.

        `checked` names a column whose nulls a test has looked for.
        """
        self.story.say(
            "openlineage",
            {
                **({"eventType": event_type} if event_type else {}),
                **envelope(self.story, self.integration, "RunEvent"),
                "run": {"runId": self.id, "facets": self.facets(error) | more},
                "job": {**self.job, "facets": {**self.type_facet, **self.job_facets}},
                "inputs": [read(one, checked=checked) for one in inputs],
                "outputs": [written(one, rows) for one in outputs],
            },
        )

    @property
    def job(self) -> Message:
        return {"namespace": self.namespace, "name": self.name}

    @property
    def type_facet(self) -> Message:
        return {
            "jobType": facet(
                "2-0-4/JobTypeJobFacet.json",
                processingType=self.processing,
                integration=self.integration.upper(),
                jobType=self.type,
            )
        }

    def facets(self, error: tuple[str, str | None] | None) -> Message:
        facets = {
            "processing_engine": facet(
                "1-1-1/ProcessingEngineRunFacet.json",
                name=self.integration,
                version=ENGINES[self.integration],
                openlineageAdapterVersion="1.54.0",
            )
        }
        if self.parent:
            facets["parent"] = facet(
                "1-2-0/ParentRunFacet.json",
                **of_run(self.parent),
                root=of_run(self.root),
            )
        if error:
            message, stack = error
            facets["errorMessage"] = facet(
                "1-0-1/ErrorMessageRunFacet.json",
                message=message,
                programmingLanguage="JAVA" if self.integration == "spark" else "python",
                **({"stackTrace": stack} if stack else {}),
            )
        return facets


def envelope(story: Story, integration: str, kind: str) -> Message:
    return {
        "eventTime": story.stamp,
        "producer": f"{SENDERS}/{integration}",
        "schemaURL": f"{SPEC}/2-0-2/OpenLineage.json#/$defs/{kind}",
    }


def of_run(run: Run) -> Message:
    return {"run": {"runId": run.id}, "job": run.job}


def told_dataset(dataset: Dataset, **facets: Message) -> Message:
    fields = [{"name": name, "type": type} for name, type in dataset.fields]
    schema = facet("1-2-0/SchemaDatasetFacet.json", fields=fields)
    source = facet(
        "1-0-1/DatasourceDatasetFacet.json", name=dataset.namespace, uri=dataset.namespace
    )
    return {
        "namespace": dataset.namespace,
        "name": dataset.name,
        "facets": {"schema": schema, "dataSource": source, **facets},
    }


def read(dataset: Dataset, *, checked: str | None = None) -> Message:
    if checked is None:
        return told_dataset(dataset)
    assertion = {"assertion": "not_null", "column": checked, "success": checked != "country"}
    facets = {
        "dataQualityAssertions": facet(
            "1-1-0/DataQualityAssertionsDatasetFacet.json", assertions=[assertion]
        )
    }
    return {**told_dataset(dataset), "inputFacets": facets}


def written(dataset: Dataset, rows: int | None) -> Message:
    if rows is None:
        return told_dataset(dataset)
    statistics = facet(
        "1-0-2/OutputStatisticsOutputDatasetFacet.json", rowCount=rows, size=rows * 96, fileCount=4
    )
    return {**told_dataset(dataset), "outputFacets": {"outputStatistics": statistics}}


def sql(query: str, dialect: str) -> Message:
    return {"sql": facet("1-1-0/SQLJobFacet.json", query=query, dialect=dialect)}


def orders_dag(story: Story) -> None:
    """Airflow's DAG: it waits for the orders, then lets dbt build the marts."""
    dag = Run(story, "airflow", "airflow-prod", "orders_marts", "DAG")
    dag.tell("START")
    story.wait(1)
    waits = airflow_task(dag, "wait_for_orders")
    story.wait(20)
    waits.tell("COMPLETE")
    story.wait(2)
    builds = airflow_task(dag, "dbt_build")
    story.wait(4)
    error = dbt_build(story, builds)
    story.wait(1)
    ended = ("FAIL", (f"BashOperator: {error}", DBT_ERROR)) if error else ("COMPLETE", None)
    builds.tell(ended[0], error=ended[1])
    story.wait(1)
    state = "failed" if error else "success"
    tasks = {"wait_for_orders": "success", "dbt_build": state}
    states = facet("1-0-0/AirflowStateRunFacet.json", dagRunState=state, tasksState=tasks)
    dag.tell(ended[0], error=("task_failure", None) if error else None, airflowState=states)


def airflow_task(dag: Run, name: str) -> Run:
    task = Run(dag.story, "airflow", dag.namespace, f"{dag.name}.{name}", "TASK", parent=dag)
    task.tell("START")
    return task


def dbt_build(story: Story, parent: Run) -> str | None:
    """Build and test the models; return the error that stopped it, if one did."""
    run = Run(story, "dbt", "dbt-marts", "dbt-run-acme", "JOB", parent=parent)
    run.tell("START")
    for model, sources, query in MODELS:
        if error := dbt_model(story, run, model, sources, query):
            command = f"Command `dbt build` failed at {story.now:%H:%M:%S} after 12.45 seconds"
            run.tell("FAIL", error=(command, None))
            return error
    story.wait(0.4)
    dbt_test(story, run, story.rng.choice(["order_id", "customer_id", "country"]))
    run.tell("COMPLETE")
    return None


def dbt_model(
    story: Story, run: Run, model: Dataset, sources: Sequence[Dataset], query: str
) -> str | None:
    facets = sql(query, "snowflake")
    job = Run(story, "dbt", run.namespace, f"{model.name}.build.run", "MODEL", run)
    job.job_facets = facets
    job.tell("START", sources, [model])
    story.wait(6)
    if model is FCT_ORDERS and story.chance(0.15):
        job.tell("FAIL", sources, [model], error=(DBT_ERROR, None))
        return DBT_ERROR.splitlines()[0]
    job.tell("COMPLETE", sources, [model], rows=story.rng.randrange(900, 250_000))
    return None


def dbt_test(story: Story, run: Run, column: str) -> None:
    test = Run(story, "dbt", run.namespace, f"{FCT_ORDERS.name}.build.test", "TEST", run)
    test.tell("START", [FCT_ORDERS])
    story.wait(2)
    test.tell("COMPLETE", [FCT_ORDERS], checked=column)


def score_customers(story: Story) -> None:
    """Spark scores customers by the features that Flyte's workflow has written."""
    app = Run(story, "spark", "spark-prod", "score_customers", "APPLICATION")
    app.tell("START")
    story.wait(8)
    job = Run(story, "spark", "spark-prod", "score_customers.overwrite_scores", "SQL_JOB", app)
    job.job_facets = sql(SCORE_SQL, "spark")
    job.tell("START", [CHURN_FEATURES], [CHURN_SCORES])
    story.wait(25)
    job.tell("RUNNING", [CHURN_FEATURES], [CHURN_SCORES])
    story.wait(25)
    if story.chance(0.1):
        job.tell("FAIL", [CHURN_FEATURES], [CHURN_SCORES], error=(SPARK_ERROR, SPARK_STACK))
        app.tell("FAIL")
        return
    rows = story.rng.randrange(20_000, 90_000)
    job.tell("COMPLETE", [CHURN_FEATURES], [CHURN_SCORES], rows=rows)
    story.wait(1)
    app.tell("COMPLETE")


def aborted_spark(story: Story) -> None:
    """Somebody kills the application; what it still had to say comes as OTHER."""
    app = Run(story, "spark", "spark-prod", "backfill_sessions", "APPLICATION")
    app.tell("START")
    story.wait(30)
    app.tell("OTHER")
    story.wait(1)
    app.tell("ABORT")


def run_without_type(story: Story) -> None:
    """An integration of one's own that adds facets to a run, and says no event type."""
    run = Run(story, "airflow", "airflow-prod", "orders_marts.freshness", "TASK")
    run.tell(None, [FCT_ORDERS])


def described_job(story: Story) -> None:
    owner = facet(
        "1-0-1/OwnershipJobFacet.json", owners=[{"name": "team:analytics", "type": "MAINTAINER"}]
    )
    text = "Builds the marts as soon as new orders are complete."
    about = facet("1-1-0/DocumentationJobFacet.json", description=text)
    facets = {"ownership": owner, "documentation": about}
    job = {"namespace": "airflow-prod", "name": "orders_marts", "facets": facets}
    story.say("openlineage", {**envelope(story, "airflow", "JobEvent"), "job": job})


def described_dataset(story: Story) -> None:
    version = facet(
        "1-0-1/DatasetVersionDatasetFacet.json",
        datasetVersion=str(int((story.now - timedelta(minutes=1)).timestamp())),
    )
    dataset = told_dataset(story.rng.choice([FCT_ORDERS, ORDERS_ENRICHED]), version=version)
    story.say("openlineage", {**envelope(story, "dbt", "DatasetEvent"), "dataset": dataset})


RARELY = (aborted_spark, run_without_type, described_job, described_dataset)
