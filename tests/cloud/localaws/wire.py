"""Error bodies in each service's own wire format, so that an SDK reads the code."""
import json
import uuid
from xml.sax.saxutils import escape

from moto.core.utils import get_service_model

SIGNING_NAMES = {"monitoring": "cloudwatch", "tagging": "resourcegroupstaggingapi", "email": "ses",
                 "elasticloadbalancing": "elbv2", "eventbridge": "events"}


def model_of(service: str | None):
    """botocore's model of the service that a request was signed for."""
    try:
        return get_service_model(SIGNING_NAMES.get(service, service)) if service else None
    except Exception:  # an unknown name; botocore and moto raise different things
        return None


def error_body(service: str | None, status: int, code: str, message: str, resource: str = "") -> tuple[dict, bytes]:
    """Headers and body of an error."""
    request = str(uuid.uuid4())
    model = model_of(service)
    protocol = str(model.protocol) if model else "query"
    if protocol in ("json", "rest-json"):
        headers = {"Content-Type": "application/x-amz-json-1.1" if protocol == "json" else "application/json",
                   "x-amzn-ErrorType": code, "x-amzn-RequestId": request}
        if service == "sqs":
            headers["x-amzn-query-error"] = f"{code};{'Sender' if status < 500 else 'Receiver'}"
        return headers, json.dumps({"__type": code, "message": message, "Message": message}).encode()
    inner = f"<Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
    if protocol == "ec2":
        body = f"<Response><Errors><Error>{inner}</Error></Errors><RequestID>{request}</RequestID></Response>"
    elif service == "s3":
        body = f"<Error>{inner}<Resource>/{escape(resource)}</Resource><RequestId>{request}</RequestId></Error>"
    else:
        kind = "Sender" if status < 500 else "Receiver"
        body = (f"<ErrorResponse><Error><Type>{kind}</Type>{inner}</Error>"
                f"<RequestId>{request}</RequestId></ErrorResponse>")
    headers = {"Content-Type": "application/xml" if service == "s3" else "text/xml", "x-amz-request-id": request}
    return headers, b'<?xml version="1.0" encoding="UTF-8"?>\n' + body.encode()
