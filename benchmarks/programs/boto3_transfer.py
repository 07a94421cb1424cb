"""Upload or download a directory by boto3's own transfer: usage: push|pull DIRECTORY s3://BUCKET/PREFIX THREADS."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor

import boto3
from boto3.s3.transfer import TransferConfig

direction, top, url, threads = sys.argv[1:]
bucket, prefix = url.removeprefix("s3://").split("/", 1)
client = boto3.client("s3")


def upload(path: str) -> None:
    client.upload_file(path, bucket, f"{prefix}/{os.path.relpath(path, top)}", Config=config)


def download(key: str) -> None:
    path = os.path.join(top, os.path.relpath(key, prefix))
    os.makedirs(os.path.dirname(path), exist_ok=True)
    client.download_file(bucket, key, path, Config=config)


if direction == "push":
    items = [os.path.join(directory, name) for directory, _, names in os.walk(top) for name in names]
else:
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{prefix}/")
    items = [item["Key"] for page in pages for item in page.get("Contents", [])]
alone = len(items) == 1  # then its parts share the threads, else the files
config = TransferConfig(max_concurrency=int(threads), use_threads=alone)
with ThreadPoolExecutor(1 if alone else int(threads)) as pool:
    list(pool.map(upload if direction == "push" else download, items))
