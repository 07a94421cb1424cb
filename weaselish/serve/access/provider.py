"""Talks to the OpenID provider: its addresses, its keys, the exchange of a code for an identity."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import httpx

from weaselish.errors import ProjError
from weaselish.named_tuple import NamedTuple
from weaselish.resolved_secrets import register_secret
from weaselish.serve.settings import Oidc

_TIMEOUT = 10.0  # seconds
_LARGEST = 1 << 20  # bytes of an answer
_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519", "EdDSA"]
_LEEWAY = 60  # seconds that clocks may differ


class ProviderError(ProjError):
    """The OpenID provider does not answer, or its answer is not valid.

    Cure: check `serve.auth.oidc`, and open the issuer's address in a browser.
    """


class Endpoints(NamedTuple):
    """The addresses of a provider."""

    auth: str
    token: str
    jwks: str
    userinfo: str | None


class Identity(NamedTuple):
    """An identity that the provider confirms. `subject` is unique and never changes; `claims` has everything else."""

    subject: str
    claims: Mapping[str, Any]


class Answer(NamedTuple):
    """What the browser brings back from the provider, and what belongs to it."""

    code: str
    verifier: str
    nonce: str
    redirect_uri: str


def endpoints_of(oidc: Oidc) -> Endpoints:
    """Return the addresses in the settings, else those that the provider publishes. Raises ProviderError."""
    if oidc.auth_url and oidc.token_url and oidc.jwks_url:
        return Endpoints(oidc.auth_url, oidc.token_url, oidc.jwks_url, oidc.userinfo_url)
    published = _get(f"{oidc.issuer.rstrip('/')}/.well-known/openid-configuration")
    if published.get("issuer") != oidc.issuer:
        raise ProviderError(f"the provider calls itself `{published.get('issuer')}`, and `issuer` is `{oidc.issuer}`")
    keys = ("authorization_endpoint", "token_endpoint", "jwks_uri")
    if not all(isinstance(published.get(key), str) for key in keys):
        raise ProviderError("the provider does not publish its addresses", hint="set auth_url, token_url and jwks_url")
    userinfo = published.get("userinfo_endpoint")
    auth, token, jwks = (str(published[key]) for key in keys)
    return Endpoints(auth, token, jwks, userinfo if isinstance(userinfo, str) else oidc.userinfo_url)


def identity(oidc: Oidc, answer: Answer, *, now: float) -> Identity:
    """Exchange a code for an identity, and verify it. Raises ProviderError."""
    endpoints = endpoints_of(oidc)
    tokens = _exchange(oidc, endpoints, answer)
    keys = _get(endpoints.jwks)
    claims = verified(oidc, tokens.get("id_token"), keys, nonce=answer.nonce, now=now)
    if endpoints.userinfo and isinstance(tokens.get("access_token"), str):
        register_secret(tokens["access_token"])
        more = _get(endpoints.userinfo, {"Authorization": f"Bearer {tokens['access_token']}"})
        if more.get("sub") != claims["sub"]:
            raise ProviderError("the provider gave facts about another account")
        claims = {**more, **claims}
    return Identity(f"{oidc.issuer} {claims['sub']}", claims)


def _exchange(oidc: Oidc, endpoints: Endpoints, answer: Answer) -> Mapping[str, Any]:
    form = {
        "grant_type": "authorization_code",
        "code": answer.code,
        "redirect_uri": answer.redirect_uri,
        "code_verifier": answer.verifier,
    }
    auth = httpx.BasicAuth(quote(oidc.client_id, safe=""), quote(oidc.client_secret, safe=""))
    return _request("POST", endpoints.token, data=form, auth=auth)


def verified(oidc: Oidc, token: object, keys: Mapping[str, Any], *, nonce: str, now: float) -> dict[str, Any]:
    """Return the claims of an ID token, with signature, issuer, audience, times and nonce checked.

    Raises ProviderError.
    """
    from joserfc import jwt
    from joserfc.errors import JoseError
    from joserfc.jwk import KeySet

    expected = {"iss": oidc.issuer, "aud": oidc.client_id, "nonce": nonce}
    options: dict[str, Any] = {key: {"essential": True, "value": value} for key, value in expected.items()}
    options |= {"exp": {"essential": True}, "sub": {"essential": True}}
    try:
        key_set = KeySet.import_key_set({"keys": [*keys["keys"]]})
        decoded = jwt.decode(str(token), key_set, algorithms=_ALGORITHMS)
        jwt.JWTClaimsRegistry(int(now), _LEEWAY, **options).validate(decoded.claims)
    except (JoseError, ValueError, KeyError, TypeError) as error:
        raise ProviderError(f"the provider's answer is not valid ({type(error).__name__})") from None
    claims: dict[str, Any] = decoded.claims
    audience = claims["aud"]
    if isinstance(audience, list) and len(audience) > 1 and claims.get("azp") != oidc.client_id:
        raise ProviderError("the provider's answer is for another application")
    if not isinstance(claims["sub"], str) or not claims["sub"]:
        raise ProviderError("the provider's answer names no account")
    return claims


def _get(url: str, headers: Mapping[str, str] | None = None) -> Mapping[str, Any]:
    return _request("GET", url, headers=headers)


def _request(method: str, url: str, **options: Any) -> Mapping[str, Any]:
    """Return the JSON object that an address answers with. It goes through the proxy of the usual variables."""
    try:
        with httpx.Client(timeout=_TIMEOUT) as client, client.stream(method, url, **options) as response:
            content = b""
            for chunk in response.iter_bytes():
                content += chunk
                if len(content) > _LARGEST:
                    raise ProviderError("the provider's answer is too large")
            status = response.status_code
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ProviderError("the provider does not answer", hint="try again") from error
    if status != 200:
        raise ProviderError(f"the provider refused: HTTP {status}")
    try:
        found = json.loads(content)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ProviderError("the provider's answer is not a JSON object")
    return found
