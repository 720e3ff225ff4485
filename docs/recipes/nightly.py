"""Exports every member as CSV into members.csv, by a job. After a cut or a crash run it again: it continues.

    pip install requests
    API=https://export.example.com/v1/integrations/mailchimp
    TOKEN_FILE=/run/secrets/token
    15 2 * * *  python3 nightly.py /var/lib/members

Then duckdb-csv.sql reads the file, or pandas:

    members = pandas.read_csv("members.csv", dtype=str, keep_default_na=False)
    members = members.drop_duplicates(["LIST_ID", "Email Address"], keep="last")  # who changed meanwhile may come twice
"""

import datetime
import gzip
import hashlib
import os
import pathlib
import shutil
import sys
import time

import requests

API = os.environ["API"]
TOKEN_FILE = pathlib.Path(os.environ["TOKEN_FILE"]).absolute()
os.chdir(sys.argv[1])


def request(method, path, headers={}, **options):
    """Returns a response that arrived whole. Passing failures are retried for about five minutes."""
    for attempt in range(14):
        try:
            # Read each time, because the token may have been renewed meanwhile.
            token = {"Authorization": f"Bearer {TOKEN_FILE.read_text().strip()}"}
            response = requests.request(method, API + path, headers=token | headers, timeout=60, **options)
            if response.ok:
                return response
            if response.status_code not in (429, 502, 503, 504):
                raise SystemExit(f"{response.status_code}: {response.text[:1000]}")
            reason = f"status {response.status_code}"
        except requests.RequestException as error:
            reason = error
        time.sleep(min(2**attempt / 10, 30))
    raise SystemExit(f"The service does not answer: {reason}")


# The same key gives the same job: a second run of the same day continues with the job of the first.
key = {"Idempotency-Key": f"nightly.py {datetime.date.today()}"}
job = request("POST", "/export-jobs", key, json={"format": "csv", "formulas": "raw"}).json()["data"]
url = f"/export-jobs/{job['id']}"
if job["state"] == "failed":
    job = request("POST", f"{url}/retry").json()["data"]
while job["state"] in ("queued", "running"):
    job = request("GET", url, {"Prefer": "wait=30"}).json()["data"]
if job["state"] not in ("complete", "short"):
    raise SystemExit(f"The job {job['id']} {job['state']}: {(job['error'] or {}).get('detail', '')}")

# Parts that are here already are not requested again.
parts = pathlib.Path(f"parts-{job['id']}")
parts.mkdir(exist_ok=True)
for part in job["parts"]:
    file = parts / part["name"]
    if not file.exists():
        content = request("GET", f"{url}/parts/{part['name']}").content
        if hashlib.sha256(content).hexdigest() != part["sha256"]:
            raise SystemExit(f"The part {part['name']} was damaged on its way: run this again")
        file.with_suffix(".new").write_bytes(content)
        file.with_suffix(".new").rename(file)

# Only the first part has a header, so that parts are joined as they are.
with open("members.csv.new", "wb") as whole:
    for part in job["parts"]:
        with gzip.open(parts / part["name"]) as file:
            shutil.copyfileobj(file, whole)
os.replace("members.csv.new", "members.csv")
shutil.rmtree(parts)
# "short": some members may be missing, and the next export delivers them
print(job["state"], job["rows"])
