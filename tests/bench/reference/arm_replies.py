"""A recorded Azure Resource Manager: the same two answers for ever, from a process of its own.

The token's expiry alone is made to fit the request, because the service checks it. Run: arm_replies.py PORT FILE
"""

import asyncio
import base64
import json
import sys
from datetime import datetime
from pathlib import Path

_FILLER = base64.urlsafe_b64encode(b"\x00recorded\x00" * 60).rstrip(b"=").decode()
_FIXED = {"iss": "https://azuremaps.com", "sub": "recorded", "jti": "recorded-recorded-recorded-recorded"}


def _segment(document: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()


_HEAD = _segment({"alg": "RS256", "typ": "JWT", "kid": "recorded"})


def _token(asked: bytes) -> bytes:
    expiry = int(datetime.fromisoformat(json.loads(asked)["expiry"]).timestamp())
    return json.dumps({"accountSasToken": f"{_HEAD}.{_segment({**_FIXED, 'exp': expiry})}.{_FILLER}"}).encode()


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, account: bytes) -> None:
    left = 1_000_000
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
            length = (
                int(head.partition("content-length:")[2].split("\r\n", 1)[0] or 0) if "content-length:" in head else 0
            )
            body = await reader.readexactly(length)
            answer = _token(body) if head.startswith("post") else account
            left -= 1
            writer.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\n"
                b"x-ms-ratelimit-remaining-subscription-writes: %d\r\n"
                b"x-ms-request-id: 11111111-2222-4333-8444-555555555555\r\n"
                b"Content-Length: %d\r\n\r\n%b" % (left, len(answer), answer)
            )
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def _main(port: int, account: bytes) -> None:
    server = await asyncio.start_server(lambda reader, writer: _serve(reader, writer, account), "127.0.0.1", port)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1]), Path(sys.argv[2]).read_bytes()))
