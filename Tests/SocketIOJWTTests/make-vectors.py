#!/usr/bin/env python3
"""Writes Vectors/tokens.json: tokens that joserfc, an implementation of its own, has signed. Run it once; the file is kept.

Needs the packages joserfc and cryptography.
"""
import base64
import hashlib
import hmac
import json
import pathlib

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

CLAIMS = {"sub": "ada", "name": "Ada Lovelace", "iss": "https://login.example", "aud": ["chat", "other"],
          "nbf": 1_700_000_000, "exp": 1_900_000_000, "roles": ["admin"], "deep": {"π": 3.5}}
ALL = ["HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]


def pem(private):
    return private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def make(kind, private, name):
    text = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return {"key": kind.import_key(text, {"kid": name}), "pem": pem(private)}


secret = "0123456789abcdef" * 4
rsa_pair = make(RSAKey, rsa.generate_private_key(65537, 2048), "rsa")
other_rsa = make(RSAKey, rsa.generate_private_key(65537, 2048), "other")
small_rsa = make(RSAKey, rsa.generate_private_key(65537, 1024), "small")
pairs = {
    "RS": rsa_pair, "PS": rsa_pair,
    "ES256": make(ECKey, ec.generate_private_key(ec.SECP256R1()), "p256"),
    "ES384": make(ECKey, ec.generate_private_key(ec.SECP384R1()), "p384"),
    "ES512": make(ECKey, ec.generate_private_key(ec.SECP521R1()), "p521"),
    "EdDSA": make(OKPKey, ed25519.Ed25519PrivateKey.generate(), "ed"),
}
secp256k1 = make(ECKey, ec.generate_private_key(ec.SECP256K1()), "k1")


def pair_of(algorithm):
    return pairs.get(algorithm) or pairs[algorithm[:2]]


def sign(header, claims, key):
    return jwt.encode(header, claims, key, algorithms=[header["alg"]])


def part(value):
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


valid, keys = {}, {}
for algorithm in ALL:
    if algorithm.startswith("HS"):
        key = OctKey.import_key(secret)
        valid[algorithm] = sign({"alg": algorithm}, CLAIMS, key)
    else:
        pair = pair_of(algorithm)
        valid[algorithm] = sign({"alg": algorithm, "kid": pair["key"].kid}, CLAIMS, pair["key"])
        keys[algorithm] = pair["pem"]

oct_key = OctKey.import_key(secret)


def hs(claims, **header):
    return sign({"alg": "HS256", **header}, claims, oct_key)


def without(*names, **more):
    return {**{k: v for k, v in CLAIMS.items() if k not in names}, **more}


header, payload, signature = valid["HS256"].split(".")
def hmac_with(key, **more):
    signed = part({"alg": "HS256", **more}) + "." + part(CLAIMS)
    return signed + "." + part(hmac.new(key, signed.encode(), hashlib.sha256).digest())


der = base64.b64decode("".join(rsa_pair["pem"].splitlines()[1:-1]))
confusion = [hmac_with(k, **more) for k in (rsa_pair["pem"].encode(), rsa_pair["pem"].rstrip("\n").encode(), der)
             for more in ({}, {"kid": "rsa"})]

refused = [
    ["expired", "token-expired", hs(without("exp", exp=1_799_999_000))],
    ["not yet valid", "token-not-yet-valid", hs(without("nbf", nbf=1_800_001_000))],
    ["wrong audience", "token-audience", hs(without("aud", aud="elsewhere"))],
    ["no audience", "token-audience", hs(without("aud"))],
    ["wrong issuer", "token-issuer", hs(without("iss", iss="https://login.example.evil"))],
    ["no issuer", "token-issuer", hs(without("iss"))],
    ["exp is a text", "token-claims", header + "." + part(without("exp", exp="soon"))],
    ["none", "token-algorithm", part({"alg": "none"}) + "." + part(CLAIMS) + "."],
    ["None", "token-algorithm", part({"alg": "None"}) + "." + part(CLAIMS) + "."],
    ["none with a signature", "token-algorithm", part({"alg": "none"}) + "." + part(CLAIMS) + "." + signature],
    ["no algorithm", "token-algorithm", part({"typ": "JWT"}) + "." + payload + "." + signature],
    ["algorithm is a list", "token-algorithm", part({"alg": ["HS256"]}) + "." + payload + "." + signature],
    ["algorithm in small letters", "token-algorithm", part({"alg": "hs256"}) + "." + payload + "." + signature],
    ["other payload", "token-signature", header + "." + part(without("sub", sub="eve")) + "." + signature],
    ["no signature", "token-signature", header + "." + payload + "."],
    ["short signature", "token-signature", header + "." + payload + "." + signature[:20]],
    ["other secret", "token-signature", sign({"alg": "HS256"}, CLAIMS, OctKey.import_key("x" * 64))],
    ["critical extension", "token-malformed",
     part({"alg": "HS256", "crit": ["exp"], "exp": 1}) + "." + payload + "." + signature],
    ["kid is a number", "token-malformed", part({"alg": "HS256", "kid": 1}) + "." + payload + "." + signature],
    ["two parts", "token-malformed", header + "." + payload],
    ["four parts", "token-malformed", valid["HS256"] + ".x"],
    ["empty", "token-malformed", ""],
    ["dots", "token-malformed", ".."],
    ["padding", "token-malformed", header + "=." + payload + "." + signature],
    ["line end", "token-malformed", valid["HS256"] + "\n"],
    ["space in front", "token-malformed", " " + valid["HS256"]],
    ["ordinary base64", "token-malformed", header + "." + payload + ".+/+/"],
    ["header is a list", "token-malformed", part(["HS256"]) + "." + payload + "." + signature],
    ["header is not JSON", "token-malformed", part(b"alg") + "." + payload + "." + signature],
    ["header is not UTF-8", "token-malformed", part(b"{\"alg\":\"\xff\"}") + "." + payload + "." + signature],
]


def signed_text(text):
    signed = part({"alg": "HS256"}) + "." + part(text)
    return signed + "." + part(hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest())


for row in refused:
    if row[0] == "exp is a text":
        row[2] = signed_text(json.dumps(without("exp", exp="soon")).encode())
refused += [
    ["claims are a list", "token-malformed", signed_text(b"[1]")],
    ["claims are not JSON", "token-malformed", signed_text(b"hello")],
    ["nbf is null", "token-claims", signed_text(json.dumps(without("nbf", nbf=None)).encode())],
    ["exp beyond all numbers", "token-claims", signed_text(b'{"exp":1e999}')],
    ["audience is an object", "token-audience", signed_text(json.dumps(without("aud", aud={"chat": 1})).encode())],
]

jwks = {"keys": [
    {**pairs["RS"]["key"].as_dict(private=False), "kid": "rsa", "use": "sig"},
    {**pairs["ES256"]["key"].as_dict(private=False), "kid": "p256", "alg": "ES256"},
    {**pairs["ES384"]["key"].as_dict(private=False), "kid": "p384"},
    {**pairs["ES512"]["key"].as_dict(private=False), "kid": "p521", "key_ops": ["verify"]},
    {**pairs["EdDSA"]["key"].as_dict(private=False), "kid": "ed"},
    {**other_rsa["key"].as_dict(private=False), "kid": "for-encryption", "use": "enc"},
    {**secp256k1["key"].as_dict(private=False), "kid": "k1"},
    {**small_rsa["key"].as_dict(private=False), "kid": "small"},
    {"kty": "oct", "kid": "oct", "k": part(b"0" * 64)},
    {"kty": "new", "kid": "from-the-future"},
    {"kty": "EC", "crv": "P-256", "kid": "broken", "x": "AA", "y": "!!"},
    {"kty": "RSA", "kid": "empty"},
    "no key",
]}
by_key = {
    "for-encryption": sign({"alg": "RS256", "kid": "for-encryption"}, CLAIMS, other_rsa["key"]),
    "oct": sign({"alg": "HS256", "kid": "oct"}, CLAIMS, OctKey.import_key("0" * 64)),
    "other key, name of a known one": sign({"alg": "RS256", "kid": "rsa"}, CLAIMS, other_rsa["key"]),
    "no name": sign({"alg": "RS256"}, CLAIMS, rsa_pair["key"]),
    "unknown name": sign({"alg": "RS256", "kid": "new"}, CLAIMS, other_rsa["key"]),
}
out = {"secret": secret, "claims": CLAIMS, "valid": valid, "pem": keys, "otherPem": other_rsa["pem"],
       "smallPem": small_rsa["pem"], "refused": refused, "confusion": confusion, "jwks": jwks, "byKey": by_key,
       "otherJwk": {**other_rsa["key"].as_dict(private=False), "kid": "new"}}
path = pathlib.Path(__file__).parent / "Vectors" / "tokens.json"
path.write_text(json.dumps(out, indent=1, ensure_ascii=False) + "\n")
