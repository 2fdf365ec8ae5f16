"""Calls webhooks for a served site: posts a review, and gives back the answer, or Go's words for what went wrong."""

from __future__ import annotations

import ssl

import aiohttp
import msgspec

from fakekube.meta.gofmt import go_quoted
from fakekube.registry.dynamic_admission.calls import WebhookCall, WebhookReply

# As much of an answer as the real server reads.
_ANSWER_MAX_BYTES = 3 * 1024 * 1024


async def call_webhook(call: WebhookCall) -> WebhookReply:
    """One connection a call, as long as the webhook's time-out at most. Never raises but for cancellation."""
    try:
        timeout = aiohttp.ClientTimeout(total=call.timeout_s)
        headers = {
            "Accept": "application/json, */*",
            "Content-Type": "application/json",
            "User-Agent": "kube-apiserver-admission",
        }
        async with (
            aiohttp.ClientSession(timeout=timeout, headers=headers) as session,
            session.post(
                call.url, data=msgspec.json.encode(call.review), ssl=_trust(call), allow_redirects=False
            ) as answer,
        ):
            body = await answer.content.read(_ANSWER_MAX_BYTES)
            if answer.status == 200:
                return WebhookReply(call=call, body=body)
            return WebhookReply(call=call, error=_refused(answer.status, answer.content_type, body))
    except TimeoutError:
        return _failed(call, "context deadline exceeded")
    except (aiohttp.ClientError, ssl.SSLError, OSError) as error:
        return _failed(call, _in_go(error))


def _trust(call: WebhookCall) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=call.ca_bundle.decode() if call.ca_bundle else None)


def _failed(call: WebhookCall, why: str) -> WebhookReply:
    return WebhookReply(call=call, error=f'Post "{call.url}": {why}')


def _refused(status: int, content_type: str, body: bytes) -> str:
    """What client-go makes of an answer that is no success."""
    told = _status(body)
    if told:
        return told
    text = body.decode(errors="replace").strip() if content_type.startswith("text/") else ""
    if status in _KNOWN:
        return _KNOWN[status]
    if status >= 500:
        return f"an error on the server ({go_quoted(text or 'unknown')}) has prevented the request from succeeding"
    return f"the server responded with the status code {status} but did not return more information"


def _status(body: bytes) -> str:
    """The message of a Status; empty for everything else."""
    try:
        told = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    return str(told.get("message") or "unknown") if isinstance(told, dict) and told.get("kind") == "Status" else ""


# Source: k8s.io/apimachinery/pkg/api/errors, NewGenericServerResponse.
_KNOWN = {
    400: "the server rejected our request for an unknown reason",
    401: "the server has asked for the client to provide credentials",
    404: "the server could not find the requested resource",
    405: "the server does not allow this method on the requested resource",
    409: "the server reported a conflict",
    415: "the media type in the request is not supported",
    422: "the server rejected our request due to an error in our request",
    429: "the server has received too many requests and has asked us to try again later",
    503: "the server is currently unable to handle the request",
    504: "the server was unable to return a response in the time allotted, but may still be processing the request",
}


def _in_go(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return _certificate(error.certificate_error)
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return f"dial tcp: lookup {error.host}: no such host"
    if isinstance(error, aiohttp.ClientConnectorSSLError):
        return f"remote error: tls: {error.os_error.reason or 'handshake failure'}"
    if isinstance(error, aiohttp.ClientConnectorError):
        said = (error.os_error.strerror or str(error.os_error)).lower()
        if isinstance(error.os_error, ConnectionRefusedError):
            said = "connection refused"
        return f"dial tcp {error.host}:{error.port}: connect: {said}"
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "EOF"
    return str(error)


def _certificate(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError) and error.verify_code in (18, 19, 20, 21):
        return "tls: failed to verify certificate: x509: certificate signed by unknown authority"
    said = getattr(error, "verify_message", "") or str(error)
    return f"tls: failed to verify certificate: x509: {said}"
