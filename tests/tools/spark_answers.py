"""What Spark answers to queries about a dataset: `python -m tests.tools.spark_answers DATASET MASTER < QUERIES`.

QUERIES is a JSON object of queries by name, and so is the answer: rows, as lists. A process of its own, which takes
Spark's Java with it when it ends. Needs pyspark and a Java.
"""

from __future__ import annotations

import json
import os
import sys

SETTINGS = {
    "spark.ui.enabled": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.shuffle.partitions": "4",
}


def main(dataset: str, master: str) -> None:
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master(master)
    for name, value in SETTINGS.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    try:
        spark.sparkContext.setLogLevel("ERROR")
        for table in os.listdir(dataset):
            spark.read.parquet(os.path.join(dataset, table)).createOrReplaceTempView(table)
        answers = {
            name: [list(row) for row in spark.sql(query).collect()]
            for name, query in json.load(sys.stdin).items()
        }
    finally:
        spark.stop()
    json.dump(answers, sys.stdout, default=str)


if __name__ == "__main__":
    main(*sys.argv[1:])
