"""Writes every member to members.ndjson, and resumes by itself when the transfer breaks.

    pip install requests
    API=https://export.example.com/v1/integrations/mailchimp TOKEN=… python3 resume.py
"""

import json
import os
import time

import requests

API = os.environ["API"]
HEADERS = {"Authorization": f"Bearer {os.environ['TOKEN']}"}


def read_lines(cursor):
    """Yields the lines of one response, which begins after the cursor."""
    headers = HEADERS | ({"Export-Cursor": cursor} if cursor else {})
    with requests.get(f"{API}/export?events=true", headers=headers, stream=True, timeout=60) as response:
        if not response.ok and response.status_code not in (429, 502, 503, 504):
            raise SystemExit(f"{response.status_code}: {response.text[:1000]}")
        response.raise_for_status()
        # Without a chunk size each line comes as soon as it has arrived.
        yield from response.iter_lines(chunk_size=None, delimiter=b"\n")


def read_steps():
    """Yields the members before each event line, and that line, until the end line."""
    cursor, failures, reason = None, 0, None
    while failures < 8:
        try:
            rows = []
            for line in read_lines(cursor):
                if not line.startswith(b'{"$export":'):
                    rows += [line] if line else []
                    continue
                event = json.loads(line)
                if event["$export"] == "error" and not event["retryable"]:
                    raise SystemExit(event["detail"])
                cursor = event.get("cursor", cursor)
                failures = 0 if rows else failures
                yield rows, event
                if event["$export"] == "end":
                    return
                rows = []
        except requests.RequestException as error:
            reason = error  # Rows after the last cursor are dropped, because they come again.
        time.sleep(0.1 if failures == 0 else min(0.5 * 2**failures, 10))
        failures += 1
    raise SystemExit(f"The export makes no progress: {reason}")


with open("members.ndjson", "wb") as file:
    for rows, event in read_steps():
        file.writelines(row + b"\n" for row in rows)

# "short": members of these lists may be missing, and the next export delivers them
print(event["status"], *[end["id"] for end in event["lists"] if end.get("short")])
with open("members.cursor", "w") as file:
    file.write(event["cursor"])  # starts the next export, of what changes from now on
