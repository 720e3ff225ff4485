"""Reads an export with requests or httpx. Prints "+N" for each chunk of N lines, and the end or the error.
Arguments: requests or httpx, URL, headers."""
import json
import sys

library, url, headers = sys.argv[1:]


def read(response, chunks):
    print(response.headers.get("content-encoding"), flush=True)
    for chunk in chunks:
        print(f"+{chunk.count(10)}", flush=True)
    print("end", flush=True)


try:
    if library == "requests":
        import requests

        with requests.get(url, headers=json.loads(headers), stream=True) as response:
            read(response, response.iter_content(None))
    else:
        import httpx

        with httpx.stream("GET", url, headers=json.loads(headers), timeout=60) as response:
            read(response, response.iter_bytes())
except Exception as error:
    print(type(error).__name__, flush=True)
