"""`make demo-s3`: the demo, with its remote on a SeaweedFS server that runs on loopback while it lasts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from servers import s3_client, seaweedfs

ROOT = Path(__file__).parent.parent
BUCKET = "penguins"


def main(directory: str) -> int:
    with TemporaryDirectory() as data, seaweedfs(Path(data)) as server:
        environ = {**os.environ, **server.environ}
        s3_client(server).create_bucket(Bucket=BUCKET)
        environ |= {"DEMO_REMOTE": f"s3://{BUCKET}/demo", "PROJ": str(Path(sys.executable).parent / "proj")}
        return subprocess.run(["bash", ROOT / "docs" / "demo.sh", directory], env=environ).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
