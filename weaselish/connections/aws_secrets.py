"""AWS Secrets Manager, through boto3."""

from __future__ import annotations

import json
from typing import Any

from weaselish.connections.secrets import SecretError
from weaselish.errors import near_match
from weaselish.model.secret_refs import SecretRef

REGION = "us-east-1"  # where a reference names none
_TIMEOUT = 20  # seconds of one request


def from_aws(reference: SecretRef) -> str:
    """Return a secret, or the field of it that the reference names. Raises SecretError."""
    return _field(reference, _text(reference))


def _text(reference: SecretRef) -> str:
    try:
        import boto3
        from botocore.config import Config  # type: ignore[import-untyped]
        from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]
    except ModuleNotFoundError as error:
        message = f"`{reference}` needs a library that is not installed (`{error.name}`)"
        raise SecretError(message, hint="pip install 'weaselish[s3]'") from None
    try:
        profile = None if reference.profile in (None, "default") else reference.profile
        session = boto3.Session(profile_name=profile, region_name=reference.region or REGION)
        config = Config(connect_timeout=_TIMEOUT, read_timeout=_TIMEOUT, retries={"total_max_attempts": 3})
        answer: dict[str, Any] = session.client("secretsmanager", config=config).get_secret_value(
            SecretId=reference.name
        )
    except (BotoCoreError, ClientError, ValueError) as error:
        raise SecretError(f"`{reference}`: {error}", hint=_hint(error)) from None
    text = answer.get("SecretString")
    if not isinstance(text, str):
        raise SecretError(f"`{reference}` is binary", hint="store it as text")
    return text


def _hint(error: Exception) -> str | None:
    response = getattr(error, "response", {})
    code = response.get("Error", {}).get("Code", "") if isinstance(response, dict) else ""
    if code == "ResourceNotFoundException":
        return "check the name and the region: `aws-sm:SECRET#FIELD?profile=P&region=R`"
    if code in ("AccessDeniedException", "UnrecognizedClientException", "InvalidClientTokenId"):
        return "check that the AWS credentials are right and may read this secret"
    if type(error).__name__ in ("NoCredentialsError", "PartialCredentialsError", "ProfileNotFound"):
        return "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a profile: `?profile=P`"
    return None


def _field(reference: SecretRef, text: str) -> str:
    if reference.part is None:
        return text.removesuffix("\n")
    try:
        data = json.loads(text)
    except ValueError:
        data = None
    if not isinstance(data, dict):
        hint = "leave out `#FIELD` for its entire text"
        raise SecretError(f"`{reference}`: the secret is not a JSON object, so it has no fields", hint=hint)
    if reference.part not in data:
        close = near_match(reference.part, data)
        near = f"did you mean `#{close}`?" if close else None
        raise SecretError(f"`{reference}`: the secret has no field `{reference.part}`", hint=near)
    value: object = data[reference.part]
    if not isinstance(value, str | int) or isinstance(value, bool):
        raise SecretError(f"`{reference}`: the field is not text")
    return str(value)
