"""Score the customers of Parquet lines by the model of a run of conf/online_retail.yaml, by a short PySpark script.

The floor under jobs/score_customers.py, with the same columns; started by scripts/benchmark. No returns, looks at the
lines, warnings or checks, and four names of scores.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pyspark.ml import PipelineModel
from pyspark.ml.clustering import KMeansModel
from pyspark.ml.functions import vector_to_array
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F


def main(source: str, lake: str, output: str) -> None:
    run = Path(lake) / json.loads((Path(lake) / "latest.json").read_text(encoding="utf-8"))["path"]
    manifest = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    lines = SparkSession.builder.getOrCreate().read.parquet(source)
    is_sale = ~F.col("InvoiceNo").startswith("C") & (F.col("Quantity") > 0) & (F.col("UnitPrice") > 0)
    sales = lines.where(is_sale & F.col("CustomerID").isNotNull()).distinct()
    as_of = sales.agg(F.date_add(F.max(F.to_date("InvoiceDate")), 1)).collect()[0][0]
    model = PipelineModel.load(f"{run}/model")
    scored(model.transform(customer_features(sales, as_of)), model, manifest, as_of).coalesce(1).write.parquet(output)


def customer_features(sales: DataFrame, as_of: Any) -> DataFrame:
    amount = (F.col("Quantity") * F.col("UnitPrice")).cast("decimal(20,4)")
    return sales.groupBy(F.col("CustomerID").cast("string").alias("customer_id")).agg(
        F.sum(amount).cast("decimal(20,4)").alias("total_spend"),
        F.count_distinct("InvoiceNo").alias("purchase_frequency"),
        F.datediff(F.lit(as_of), F.max("InvoiceDate")).alias("recency_days"),
    )


def scored(segmented: DataFrame, model: PipelineModel, manifest: dict[str, Any], as_of: Any) -> DataFrame:
    [kmeans] = [stage for stage in model.stages if isinstance(stage, KMeansModel)]
    point = vector_to_array(F.col("scaled"))
    distances = [F.sqrt(squared_distance(point, list(map(float, centre)))) for centre in kmeans.clusterCenters()]
    of_segments = [F.struct(d.alias("distance"), F.lit(n).alias("segment")) for n, d in enumerate(distances, 1)]
    near = segmented.withColumn("near", F.array_sort(F.array(*of_segments)))
    own, other = F.col("near")[0], F.col("near")[1]
    cuts = {name: manifest["rfm_cuts"][name]["cuts"] for name in ("recency", "frequency", "monetary")}
    recency = 6 - score(F.col("recency_days"), cuts["recency"])
    frequency = score(F.col("purchase_frequency"), cuts["frequency"])
    name = F.when((recency >= 4) & (frequency >= 4), "Champions").when(frequency >= 4, "Loyal")
    orders, days = F.col("purchase_frequency").cast("string"), F.col("recency_days").cast("string")
    spend = F.format_number("total_spend", 0)
    return near.select(
        *("customer_id", "segment_id", "segment_name"),
        name.when(recency <= 2, "Lost").otherwise("Promising").alias("rfm_segment"),
        recency.alias("recency_score"),
        frequency.alias("frequency_score"),
        score(F.col("total_spend").cast("double"), cuts["monetary"]).alias("monetary_score"),
        own["distance"].alias("distance_to_centre"),
        other["segment"].alias("nearest_other_segment_id"),
        (other["distance"] - own["distance"]).alias("margin"),
        (own["distance"] > manifest["model"]["training"]["usual_distance"]).alias("is_anomaly"),
        F.concat_ws(" ", orders, F.lit("orders for"), spend, F.lit("; last order"), days, F.lit("days ago")).alias(
            "reason"
        ),
        F.lit(as_of).alias("as_of"),
    )


def squared_distance(point: Column, centre: Sequence[float]) -> Column:
    total = F.lit(0.0)
    for number, value in enumerate(centre):
        total = total + (point[number] - F.lit(value)) ** 2
    return total


def score(value: Column, cuts: Sequence[float]) -> Column:
    total = F.lit(1)
    for cut in cuts:
        total = total + F.when(value > cut, 1).otherwise(0)
    return total


if __name__ == "__main__":
    main(*sys.argv[1:])
