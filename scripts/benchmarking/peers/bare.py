"""The same kinds of tables by a short PySpark script: the floor under any Spark job; started by scripts/benchmark.

One fit of k = 4 and one chart. No sweep, matched returns, scores, names, report, audit or checksums.
"""

import sys

import matplotlib as mpl

mpl.use("agg")

import matplotlib.pyplot as plt
from pyspark.ml import Pipeline
from pyspark.ml.clustering import KMeans
from pyspark.ml.feature import StandardScaler, VectorAssembler
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F


def main(source: str, output: str) -> None:
    lines = SparkSession.builder.getOrCreate().read.parquet(source)
    is_sale = ~F.col("InvoiceNo").startswith("C") & (F.col("Quantity") > 0) & (F.col("UnitPrice") > 0)
    amount = (F.col("Quantity") * F.col("UnitPrice")).cast("decimal(20,4)")
    sales = lines.where(is_sale).distinct().withColumn("amount", amount).cache()
    of_customers = sales.where(F.col("CustomerID").isNotNull())
    segments = segmented(customer_features(of_customers)).cache()
    counted = [F.count_distinct("InvoiceNo").alias("orders"), F.count_distinct("CustomerID").alias("customers")]
    sums = [F.sum("amount").alias("revenue"), F.sum("Quantity").alias("units")]
    bought = of_customers.join(segments.select("CustomerID", "segment"), on="CustomerID")
    by_segment = [sums[0], counted[1]]
    tables = {
        "rejected_transactions": lines.where(~is_sale),
        "customer_segments": segments,
        "country_sales": sales.groupBy("Country").agg(*sums, *counted),
        "product_sales": sales.groupBy("StockCode").agg(*sums, *counted, F.mode("Description").alias("description")),
        "country_segments": bought.groupBy("Country", "segment").agg(*by_segment),
        "product_segments": bought.groupBy("StockCode", "segment").agg(*by_segment),
    }
    for name, table in tables.items():
        table.write.parquet(f"{output}/{name}")
    sizes = segments.groupBy("segment").count().collect()
    plt.bar([row["segment"] for row in sizes], [row["count"] for row in sizes])
    plt.savefig(f"{output}/segments.png")


def customer_features(sales: DataFrame) -> DataFrame:
    return sales.groupBy("CustomerID").agg(
        F.sum("amount").cast("double").alias("total_spend"),
        F.count_distinct("InvoiceNo").alias("purchase_frequency"),
        F.min("InvoiceDate").alias("first_purchase_at"),
        F.max("InvoiceDate").alias("last_purchase_at"),
        F.count_distinct("StockCode").alias("distinct_products"),
        F.sum("Quantity").alias("units_bought"),
    )


def segmented(customers: DataFrame) -> DataFrame:
    customers = customers.coalesce(1).cache()
    vector = VectorAssembler(inputCols=["total_spend", "purchase_frequency"], outputCol="raw")
    scaling = StandardScaler(inputCol="raw", outputCol="features", withMean=True)
    scaled = Pipeline(stages=[vector, scaling]).fit(customers).transform(customers).cache()
    fitted = KMeans(k=4, seed=1).fit(scaled)
    return fitted.transform(scaled).drop("raw", "features").withColumnRenamed("prediction", "segment")


if __name__ == "__main__":
    main(*sys.argv[1:])
