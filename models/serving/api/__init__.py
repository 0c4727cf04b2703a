"""The HTTP API: `create_app` (app.py) builds it from its ports, `ApiServer` (server.py) runs it in a thread.

`edge/` is what every request passes: request ids, body limits, credentials, errors as problem details. `routes/` holds
the endpoints. The event loop only moves bytes; whatever may wait or compute runs in a lane of threads.
"""
