"""Signs in before a request that wants it, and again soon: some of what is asked signs out."""

import os

import requests
import schemathesis


@schemathesis.auth(refresh_interval=5)
class Token:
    def get(self, case, context):
        body = {"email": os.environ["ROOT_EMAIL"], "password": os.environ["ROOT_PASSWORD"], "name": "schemathesis"}
        url = f"{os.environ['SERVER']}/api/auth/token"
        answer = requests.post(url, json=body, headers={"X-Pika-Client": "pika-e2e"}, timeout=10)
        return answer.json()["accessToken"]

    def set(self, case, data, context):
        case.headers = {**(case.headers or {}), "Authorization": f"Bearer {data}"}
