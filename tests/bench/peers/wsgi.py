# SPDX-License-Identifier: MIT
"""The functions of the bench for WSGI servers (uWSGI, gunicorn): arguments and result as JSON."""
import json

from program import add, burn, echo

FUNCTIONS = {"/add": add, "/burn": burn, "/echo": echo}


def application(environ, start_response):
    call = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
    body = json.dumps(FUNCTIONS[environ["PATH_INFO"]](*call)).encode()
    start_response("200 OK", [("Content-Type", "application/json"),
                              ("Content-Length", str(len(body)))])
    return [body]
