"""Texts of deployments, for the user to apply. Nothing here installs anything."""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from pathlib import Path

from weaselish import __version__
from weaselish.named_tuple import NamedTuple


class Format(StrEnum):
    """What a deployment is for."""

    COMPOSE = "compose"
    KUBERNETES = "kubernetes"
    SYSTEMD = "systemd"


class Deployment(NamedTuple):
    """What a deployment serves. `config` is a file with the settings, for systemd."""

    projects: tuple[Path, ...]
    image: str = f"proj-serve:{__version__}"
    port: int = 8091
    base_path: str = ""
    config: Path | None = None


_IMAGE = """\
# Build the image first, with this Dockerfile; none can be downloaded:
#   FROM python:3.12-slim
#   RUN pip install --no-cache-dir "weaselish[serve]=={version}" && mkdir -m 1777 /data
#   USER 10001
#   ENV HOME=/data
#   ENTRYPOINT ["proj", "serve", "--no-open"]
# docker build -t {image} .
"""

_COMPOSE = """\
# {heading}
#
{built}#
# Begin:   openssl rand -hex 32 > proj-secret && chmod 600 proj-secret && docker compose up -d
#          docker compose logs proj    # prints the link for the first account
# Update:  build the new image, set its tag below, then: docker compose up -d
# Remove:  docker compose down         # the data stays, in the volume `data`; `-v` would delete it
# Before you open the port to others, put a proxy with TLS in front, or set PROJ_SERVE_TLS_SELF_SIGNED: "true".
services:
  proj:
    image: {image}
    command: [{arguments}]
    user: "{user}"
    restart: unless-stopped
    read_only: true
    cap_drop: [ALL]
    security_opt: ["no-new-privileges:true"]
    tmpfs: [/tmp]
    ports: ["127.0.0.1:{port}:8091"]
    environment:
      PROJ_SERVE_HOST: "0.0.0.0"
      PROJ_SERVE_DATA_ROOT: /data
      PROJ_SERVE_AUTH_SECRET: "file:/run/secrets/proj-secret"{base_path}
    secrets: [proj-secret]
    volumes:
      - data:/data
{mounts}
    stop_grace_period: 10s
    healthcheck:
      test: ["CMD", "python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8091/healthz')"]
      interval: 30s
secrets:
  proj-secret:
    file: ./proj-secret
volumes:
  data: {{}}
"""

_KUBERNETES = """\
# {heading}
#
{built}#
# Begin:   kubectl create secret generic proj-serve --from-literal=secret="$(openssl rand -hex 32)"
#          kubectl apply -f THIS_FILE && kubectl logs deploy/proj-serve    # prints the link for the first account
# Update:  push the new image, set its tag below, then: kubectl apply -f THIS_FILE
# Remove:  kubectl delete deploy/proj-serve service/proj-dashboard
#          The data stays, in the claims `proj-serve-data` and `proj-projects`, until you delete these.
# An ingress with TLS belongs in front of the service; name its addresses in PROJ_SERVE_TRUSTED_PROXIES.
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {{name: proj-serve-data}}
spec:
  accessModes: [ReadWriteOnce]
  resources: {{requests: {{storage: 1Gi}}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: proj-serve}}
spec:
  replicas: 1 # with PROJ_SERVE_DATABASE of a PostgreSQL server there may be more
  strategy: {{type: Recreate}}
  selector: {{matchLabels: {{app: proj-serve}}}}
  template:
    metadata: {{labels: {{app: proj-serve}}}}
    spec:
      enableServiceLinks: false # variables of services may begin with PROJ_SERVE_
      automountServiceAccountToken: false
      terminationGracePeriodSeconds: 10
      securityContext: {{runAsNonRoot: true, runAsUser: 10001, fsGroup: 10001}}
      containers:
        - name: proj
          image: {image}
          args: [{arguments}]
          ports: [{{containerPort: 8091}}]
          env:
            - {{name: PROJ_SERVE_HOST, value: "0.0.0.0"}}
            - {{name: PROJ_SERVE_DATA_ROOT, value: /data}}
            - {{name: PROJ_SERVE_AUTH_SECRET, value: "file:/secret/secret"}}{base_path}
          readinessProbe: {{httpGet: {{path: /healthz, port: 8091}}}}
          livenessProbe: {{httpGet: {{path: /healthz, port: 8091}}, initialDelaySeconds: 10}}
          resources: {{requests: {{cpu: 100m, memory: 256Mi}}, limits: {{memory: 1Gi}}}}
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities: {{drop: [ALL]}}
          volumeMounts:
            - {{name: data, mountPath: /data}}
            - {{name: secret, mountPath: /secret, readOnly: true}}
            - {{name: tmp, mountPath: /tmp}}
            - {{name: projects, mountPath: /projects}}
      volumes:
        - {{name: data, persistentVolumeClaim: {{claimName: proj-serve-data}}}}
        - {{name: secret, secret: {{secretName: proj-serve, defaultMode: 0440}}}}
        - {{name: tmp, emptyDir: {{}}}}
        - {{name: projects, persistentVolumeClaim: {{claimName: proj-projects}}}} # yours, with the projects
---
apiVersion: v1
kind: Service
metadata: {{name: proj-dashboard}}
spec:
  selector: {{app: proj-serve}}
  ports: [{{port: 80, targetPort: 8091}}]
"""

_SYSTEMD = """\
# {heading}
#
# Begin:   save this text as ~/.config/systemd/user/proj-serve.service, then
#          systemctl --user daemon-reload && systemctl --user enable --now proj-serve
#          journalctl --user -u proj-serve    # prints the address
# Update:  pip install --upgrade "weaselish[serve]" && systemctl --user restart proj-serve
# Remove:  systemctl --user disable --now proj-serve && rm ~/.config/systemd/user/proj-serve.service
#          The data stays, in `data_root` of the settings.
[Unit]
Description=Dashboard of proj
After=network-online.target

[Service]
ExecStart={command}
Restart=on-failure
TimeoutStopSec=10
NoNewPrivileges=yes
PrivateTmp=yes

[Install]
WantedBy=default.target
"""
_HEADING = "Printed by `proj serve manifest`, version {version}. Nothing was installed: read it, then apply it."


def manifest(kind: Format, deployment: Deployment) -> str:
    """Return the text of a deployment."""
    heading = _HEADING.format(version=__version__)
    if kind is Format.SYSTEMD:
        return _SYSTEMD.format(heading=heading, command=_command(deployment))
    names = [path.name or "project" for path in deployment.projects]
    shared = {
        "heading": heading,
        "built": _IMAGE.format(version=__version__, image=deployment.image),
        "image": deployment.image,
        "arguments": ", ".join(f'"/projects/{name}"' for name in names),
    }
    if kind is Format.KUBERNETES:
        line = f"\n            - {{name: PROJ_SERVE_BASE_URL, value: {deployment.base_path}}}"
        return _KUBERNETES.format(**shared, base_path=line if deployment.base_path else "")
    line = f"\n      PROJ_SERVE_BASE_URL: {deployment.base_path}"
    mounts = "\n".join(
        f'      - {{type: bind, source: "{path}", target: "/projects/{name}"}}'
        for path, name in zip(deployment.projects, names, strict=True)
    )
    base_path = line if deployment.base_path else ""
    user = f"{os.getuid()}:{os.getgid()}" if os.getuid() else "10001:10001"  # of the secret and projects
    return _COMPOSE.format(**shared, base_path=base_path, mounts=mounts, port=deployment.port, user=user)


def _command(deployment: Deployment) -> str:
    words = [sys.executable, "-m", "weaselish", "serve", *map(str, deployment.projects), "--no-open"]
    words += ["--config", str(deployment.config)] if deployment.config else []
    return " ".join(_quoted(word) for word in words)


def _quoted(word: str) -> str:
    """Return a word of ExecStart: with its own quotes, `%` and `$` doubled."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"' if any(char in word for char in " \t'\"\\;") else escaped
