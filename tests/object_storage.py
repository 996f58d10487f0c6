"""Object storage that speaks S3's protocol, served by moto: `python object_storage.py <port>`. Not a test."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

_KEY = {"aws_access_key_id": "key-of-the-tests", "aws_secret_access_key": "secret-of-the-tests"}


class ObjectStorage:
    """A server in a process of its own, and one bucket of it."""

    bucket = "our-bucket"

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.address = f"127.0.0.1:{int(self._process.stdout.readline())}"
        self._client().create_bucket(Bucket=self.bucket)

    def _client(self) -> Any:
        import boto3

        return boto3.client("s3", endpoint_url=f"http://{self.address}", region_name="us-east-1", **_KEY)

    def put(self, name: str, content: bytes) -> None:
        """Store an object."""
        self._client().put_object(Bucket=self.bucket, Key=name, Body=content)

    def objects(self) -> dict[str, bytes]:
        """Return what is in the bucket, by name."""
        client = self._client()
        names = [found["Key"] for found in client.list_objects_v2(Bucket=self.bucket).get("Contents", [])]
        return {name: client.get_object(Bucket=self.bucket, Key=name)["Body"].read() for name in names}

    def remember_secret(self, home: Path) -> None:
        """Store the key as DuckDB keeps it for the user whose home this is."""
        import duckdb

        from langswarm_nb.storage.duckdb import extensions

        options = {"secret_directory": str(home / ".duckdb" / "stored_secrets")}
        with duckdb.connect(config=options) as connection:
            assert extensions.load(connection, "httpfs")
            connection.execute(
                f"CREATE PERSISTENT SECRET ours (TYPE s3, KEY_ID '{_KEY['aws_access_key_id']}', "
                f"SECRET '{_KEY['aws_secret_access_key']}', REGION 'us-east-1', "
                f"ENDPOINT '{self.address}', USE_SSL false, URL_STYLE 'path')"
            )

    def stop(self) -> None:
        """End the process."""
        self._process.communicate("")


def _serve() -> None:
    from moto.server import ThreadedMotoServer

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = ThreadedMotoServer("127.0.0.1", port, verbose=False)
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    sys.stdin.read()
    server.stop()


if __name__ == "__main__":
    _serve()
