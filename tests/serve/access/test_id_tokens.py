"""ID tokens that a provider did not make for this login."""

from __future__ import annotations

from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from serve.real_servers import CLIENT_SECRET
from weaselish.serve.access.provider import ProviderError, verified
from weaselish.serve.settings import Oidc

OIDC = Oidc("https://login.acme.com", "proj", CLIENT_SECRET)
KEY = RSAKey.generate_key(2048, {"kid": "1"}, private=True)
KEYS = {"keys": [KEY.as_dict(private=False)]}
NOW = 1_800_000_000.0
CLAIMS = {"iss": OIDC.issuer, "aud": "proj", "sub": "1", "nonce": "n", "exp": NOW + 60, "iat": NOW}


def signed(claims: dict[str, Any], *, key: Any = KEY, alg: str = "RS256") -> str:
    return jwt.encode({"alg": alg, "kid": "1"}, claims, key, algorithms=["RS256", "HS256"])


def test_the_token_of_this_login_is_accepted() -> None:
    assert verified(OIDC, signed(CLAIMS), KEYS, nonce="n", now=NOW)["sub"] == "1"
    assert verified(OIDC, signed({**CLAIMS, "aud": ["proj"]}), KEYS, nonce="n", now=NOW)["sub"] == "1"


@pytest.mark.parametrize(
    "change",
    [
        {"iss": "https://evil.example"},
        {"aud": "other"},
        {"aud": ["other", "proj"]},
        {"aud": ["other", "proj"], "azp": "other"},
        {"nonce": "m"},
        {"nonce": None},
        {"exp": NOW - 61},
        {"exp": None},
        {"nbf": NOW + 61},
        {"sub": None},
        {"sub": ""},
        {"sub": 1},
    ],
    ids=str,
)
def test_a_claim_that_is_wrong_or_missing_is_refused(change: dict[str, Any]) -> None:
    claims = {key: value for key, value in {**CLAIMS, **change}.items() if value is not None}
    with pytest.raises(ProviderError):
        verified(OIDC, signed(claims), KEYS, nonce="n", now=NOW)


def test_a_signature_that_is_missing_foreign_or_symmetric_is_refused() -> None:
    good = signed(CLAIMS)
    header, body, _ = good.split(".")
    foreign = RSAKey.generate_key(2048, {"kid": "1"}, private=True)
    modulus = OctKey.import_key(str(KEY.as_dict(private=False)["n"]))  # something public as a shared secret
    forged = [
        f"{header}.{body}.",
        f"eyJhbGciOiJub25lIn0.{body}.",
        signed(CLAIMS, key=foreign),
        signed(CLAIMS, key=modulus, alg="HS256"),
        signed(CLAIMS, key=OctKey.import_key(CLIENT_SECRET), alg="HS256"),
        "",
        "a.b.c",
        None,
    ]
    for token in forged:
        with pytest.raises(ProviderError):
            verified(OIDC, token, KEYS, nonce="n", now=NOW)
    wrong_keys: list[dict[str, Any]] = [{}, {"keys": []}, {"keys": None}, {"keys": [{"kty": "x"}]}]
    for keys in wrong_keys:
        with pytest.raises(ProviderError):
            verified(OIDC, good, keys, nonce="n", now=NOW)
